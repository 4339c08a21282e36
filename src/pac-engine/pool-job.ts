import type { DnsEntry, VmOutcome } from './vm-outcome.ts'
import type { Job } from './vm-thread.ts'
import type { MadeWay } from './worker-protocol.ts'

/** What a job tells its pool. */
export interface JobEvents {
  settled(job: PoolJob, outcome: VmOutcome): void
  makeWay(job: PoolJob, why: MadeWay): void
}

/** An object of one shape: there is one for each new decision, and functions of its own would take as much again. */
export class PoolJob implements Job {
  constructor(
    readonly pool: JobEvents,
    readonly url: string,
    readonly host: string,
    readonly trace: boolean,
    readonly wasSlow: boolean,
    readonly held: readonly DnsEntry[] | undefined,
    readonly whenSettled: (outcome: VmOutcome) => void,
  ) {}

  settle(outcome: VmOutcome): void {
    this.pool.settled(this, outcome)
    this.whenSettled(outcome)
  }

  makeWay(why: MadeWay): void {
    this.pool.makeWay(this, why)
  }
}
