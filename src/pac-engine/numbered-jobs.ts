import type { Job } from './vm-job.ts'

interface Batch {
  readonly first: number
  /** Undefined once they are gone. */
  readonly jobs: (Job | undefined)[]
  left: number
}

/**
 * Jobs of the batches under way, by their numbers, oldest first. Not a Map: one whose entries come and go is laid out anew every few hundred of them, and V8's old layouts point to
 * the next, so that all that was ever in it outlives the collections of young garbage; these then hold the main thread for milliseconds.
 */
export class NumberedJobs {
  /** A few at most. */
  readonly #batches: Batch[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Numbers from `first` upwards. */
  add(first: number, jobs: readonly Job[]): void {
    this.#batches.push({ first, jobs: [...jobs], left: jobs.length })
    this.#size += jobs.length
  }

  get(number: number): Job | undefined {
    for (const { first, jobs } of this.#batches) {
      if (number >= first && number < first + jobs.length) return jobs[number - first]
    }
    return undefined
  }

  /** It is there no longer. */
  take(number: number): Job | undefined {
    for (const [i, batch] of this.#batches.entries()) {
      const { first, jobs } = batch
      if (number < first || number >= first + jobs.length) continue
      const job = jobs[number - first]
      if (!job) return undefined
      jobs[number - first] = undefined
      this.#size--
      if (--batch.left === 0) this.#batches.splice(i, 1)
      return job
    }
    return undefined
  }

  /** None is there any longer, but the one with the number `but`. */
  takeAll(but = 0): Job[] {
    const taken: Job[] = []
    for (const { first, jobs } of [...this.#batches]) {
      for (let i = 0; i < jobs.length; i++) {
        const job = first + i === but ? undefined : this.take(first + i)
        if (job) taken.push(job)
      }
    }
    return taken
  }
}
