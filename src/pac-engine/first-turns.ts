import { type Job, UNWANTED } from './vm-job.ts'

/** Of so many that are taken one by one, one is the oldest. */
const OLDEST_EVERY = 16

/** Evaluations that wait for a thread. One that nobody waits for any more when it is taken is settled instead: a crowd that has gone holds up nobody. */
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
    const taken: Job[] = []
    const gone: Job[] = []
    const jobs = this.#jobs.length > 0 ? this.#jobs : this.#last
    const limit = jobs === this.#last ? 1 : most
    let count = 0
    for (; count < jobs.length && taken.length < limit; count++) {
      const job = jobs[count]!
      if (job.wanted === false) gone.push(job)
      else if (taken[0] && job.trace !== taken[0].trace) break
      else taken.push(job)
    }
    jobs.splice(0, count)
    for (const job of gone) job.settle(UNWANTED)
    return taken
  }

  /**
   * One, for when evaluations hang: the newest, and now and then the oldest. A crowd that came at once and holds the threads one after the other stands before everybody
   * who comes later, who would wait for all of them; what time these leave is the crowd's, and nobody is left waiting for good.
   */
  takeOne(): Job[] {
    if (++this.#taken % OLDEST_EVERY === 0) return this.take(1)
    for (let job = this.#jobs.pop(); job; job = this.#jobs.pop()) {
      if (job.wanted !== false) return [job]
      job.settle(UNWANTED)
    }
    return this.take(1)
  }

  takeAll(): Job[] {
    return [...this.#jobs.splice(0), ...this.#last.splice(0)]
  }
}
