import type { Query } from './query-lines.ts'
import type { TimeSpent } from './time-spent.ts'
import { NO_NOTES, type VmOutcome } from './vm-outcome.ts'
import type { MadeWay } from './worker-protocol.ts'

/** An evaluation that somebody waits for. */
export interface Job extends Query {
  readonly trace: boolean
  readonly settle: (outcome: VmOutcome) => void
  /** It was stopped, and is to have another turn. */
  readonly makeWay: (why: MadeWay) => void
  /** False: whoever asked has given up. */
  readonly wanted?: boolean
  /** Is told when it is seen running. */
  readonly spent?: TimeSpent | undefined
}

/** What becomes of the job whose thread is ended. */
export type Ending = VmOutcome | MadeWay

export function crashed(message: string): Extract<VmOutcome, { is: 'failed' }> {
  return { is: 'failed', failure: { kind: 'crashed', message }, notes: NO_NOTES }
}

export const CLOSED = crashed('the engine is closed')
/** Nobody waited any more when its turn came. */
export const UNWANTED = crashed('nobody waits for it')
