import type { Job } from './vm-thread.ts'

/** Of so many that are taken one by one, one is the oldest. */
const OLDEST_EVERY = 16

/** Evaluations that wait for a thread. */
export class FirstTurns {
  /** The one that has waited longest stands first. */
  readonly #jobs: Job[] = []
  /** Those that are likely to be slow, for when nobody else waits. */
  readonly #last: Job[] = []
  #taken = 0

  get waiting(): number {
    return this.#jobs.length + this.#last.length
  }

  add(job: Job): void {
    this.#jobs.push(job)
  }

  /** For when nobody else waits: it is about a host that was slow lately. Most of its questions may be quick all the same. */
  addLast(job: Job): void {
    this.#last.push(job)
  }

  /** Those that were to be run already, and were not. */
  addFirst(jobs: readonly Job[]): void {
    this.#jobs.unshift(...jobs)
  }

  /** Up to so many, all of one kind, in their order. */
  take(most: number): Job[] {
    if (this.#jobs.length === 0) return this.#last.splice(0, 1)
    const trace = this.#jobs[0]?.trace
    let count = Math.min(1, this.#jobs.length)
    while (count < most && count < this.#jobs.length && this.#jobs[count]?.trace === trace) count++
    return this.#jobs.splice(0, count)
  }

  /**
   * One, for when evaluations hang: the newest, and now and then the oldest. A crowd that came at once and holds the threads one after the other stands before everybody
   * who comes later, who would wait for all of them; what time these leave is the crowd's, and nobody is left waiting for good.
   */
  takeOne(): Job[] {
    const job = ++this.#taken % OLDEST_EVERY === 0 ? this.#jobs.shift() : this.#jobs.pop()
    return job ? [job] : this.#last.splice(0, 1)
  }

  takeAll(): Job[] {
    return [...this.#jobs.splice(0), ...this.#last.splice(0)]
  }
}
