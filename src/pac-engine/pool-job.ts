import type { TimeSpent } from './time-spent.ts'
import type { Job } from './vm-job.ts'
import type { DnsEntry, VmOutcome } from './vm-outcome.ts'
import { isWanted, type Row } from './waiter.ts'
import type { MadeWay } from './worker-protocol.ts'

/** What a job tells its pool. */
export interface JobEvents {
  /** Counted up with each network. */
  readonly epoch: number
  settled(job: PoolJob, outcome: VmOutcome): void
  makeWay(job: PoolJob, why: MadeWay): void
}

/** An object of one shape: there is one for each new decision, and functions of its own would take as much again. */
export class PoolJob implements Job {
  readonly epoch: number

  constructor(
    readonly pool: JobEvents,
    readonly url: string,
    readonly host: string,
    readonly trace: boolean,
    readonly wasSlow: boolean,
    readonly told: readonly DnsEntry[] | undefined,
    readonly whenSettled: (outcome: VmOutcome) => void,
    readonly askers: Row | undefined,
  ) {
    this.epoch = pool.epoch
  }

  /** What the network before answered is not taken into a VM of this one. */
  get held(): readonly DnsEntry[] | undefined {
    return this.epoch === this.pool.epoch ? this.told : undefined
  }

  get wanted(): boolean {
    return this.askers === undefined || isWanted(this.askers)
  }

  get spent(): TimeSpent | undefined {
    return this.askers?.spent
  }

  settle(outcome: VmOutcome): void {
    this.pool.settled(this, outcome)
    this.whenSettled(outcome)
  }

  makeWay(why: MadeWay): void {
    this.spent?.enter('threads')
    this.pool.makeWay(this, why)
  }
}
