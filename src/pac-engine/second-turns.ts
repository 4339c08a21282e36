import type { PacLimits } from './limits.ts'
import { type Job, UNWANTED } from './vm-job.ts'
import { NO_NOTES, type VmOutcome } from './vm-outcome.ts'

/** Evaluations that took long while others waited: they wait for a thread of their own, in their order; and the hosts that they were about. */
export class SecondTurns {
  readonly #limits: PacLimits
  /** The one that has waited longest stands first. */
  #waiting: { readonly job: Job; readonly since: number }[] = []
  /** Until when a host is remembered, in ms of the clock. The one noted longest ago stands first. */
  readonly #hosts = new Map<string, number>()

  constructor(limits: PacLimits) {
    this.#limits = limits
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** For how long the first of them has waited; 0 where none does. */
  waited(now: number): number {
    return this.#waiting[0] ? now - this.#waiting[0].since : 0
  }

  /** Whether questions about this host took too long lately. */
  isSlow(host: string, now: () => number): boolean {
    const until = this.#hosts.get(host)
    return until !== undefined && now() < until
  }

  noteSlow(host: string, now: number): void {
    this.#hosts.delete(host)
    this.#hosts.set(host, now + this.#limits.slowHostMs)
    if (this.#hosts.size <= this.#limits.slowHosts) return
    const [oldest] = this.#hosts.keys()
    if (oldest !== undefined) this.#hosts.delete(oldest)
  }

  noteGood(host: string): void {
    if (this.#hosts.size > 0) this.#hosts.delete(host)
  }

  /** Settles it where too many wait already. */
  add(job: Job, now: number): void {
    if (this.#waiting.length >= this.#limits.secondTurns) this.#dropUnwanted()
    if (this.#waiting.length < this.#limits.secondTurns) this.#waiting.push({ job, since: now })
    else job.settle(noTurn(`${this.#limits.secondTurns} others that take long wait already`))
  }

  next(): Job | undefined {
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (next.job.wanted !== false) return next.job
      next.job.settle(UNWANTED)
    }
    return undefined
  }

  /** Settles those that have waited too long, and those that nobody waits for. */
  expire(now: number): void {
    this.#dropUnwanted()
    const { secondTurnMs } = this.#limits
    while (this.#waiting[0] && now - this.#waiting[0].since >= secondTurnMs) {
      this.#waiting.shift()?.job.settle(noTurn(`others that take long had the thread for ${secondTurnMs} ms`))
    }
  }

  #dropUnwanted(): void {
    const gone = this.#waiting.filter(({ job }) => job.wanted === false)
    if (gone.length === 0) return
    this.#waiting = this.#waiting.filter(({ job }) => job.wanted !== false)
    for (const { job } of gone) job.settle(UNWANTED)
  }

  giveUp(why: VmOutcome): void {
    for (const { job } of this.#waiting.splice(0)) job.settle(why)
  }
}

function noTurn(why: string): VmOutcome {
  return { is: 'failed', failure: { kind: 'turn', message: `it made way for others, and ${why}` }, notes: NO_NOTES }
}
