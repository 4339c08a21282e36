import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer } from '../contracts/pac.ts'
import type { TimeSpent } from './time-spent.ts'

/** Those who wait for one answer, behind the first of them. */
export interface Row {
  /** Most have one. */
  first?: Waiter | undefined
  others: Waiter[] | undefined
  /** Who has given up since it was last cleared of such. */
  gone: number
  readonly spent?: TimeSpent
}

/** Of those who have given up, when a row is first cleared of them: fewer cost nothing. */
const GONE = 64

/** Somebody who asked. */
export interface Waiter {
  readonly resolve: (answer: PacAnswer) => void
  readonly reject: (reason: unknown) => void
  readonly signal: AbortSignal
  readonly row: Row
  settled: boolean
  /** Once it listens. */
  aborted: (() => void) | undefined
}

/** Once; whoever has given up learns that. */
export function settle(waiter: Waiter, outcome: PacAnswer | GatewayError): void {
  if (waiter.settled) return
  waiter.settled = true
  const { signal, aborted, resolve, reject } = waiter
  if (aborted) signal.removeEventListener('abort', aborted)
  if (signal.aborted) reject(signal.reason)
  else if (outcome instanceof GatewayError) reject(outcome)
  else resolve(outcome)
}

/** From now on it hears when its caller gives up. */
export function listen(waiter: Waiter): void {
  const { signal, reject, row } = waiter
  const aborted = () => {
    waiter.settled = true
    reject(row.spent ? row.spent.whenGivenUp(signal.reason) : signal.reason)
    leave(row)
  }
  waiter.aborted = aborted
  if (signal.aborted) aborted()
  else signal.addEventListener('abort', aborted, { once: true })
}

/** Whether anybody waits still. */
export function isWanted({ first, others }: Row): boolean {
  return (first !== undefined && waits(first)) || others?.some(waits) === true
}

/** Who has given up may not listen yet. */
function waits({ settled, signal }: Waiter): boolean {
  return !settled && !signal.aborted
}

/** What waits for slow names is there for minutes, and whoever asked for seconds. */
function leave(row: Row): void {
  row.gone++
  if (!row.others || row.gone < GONE || 2 * row.gone < row.others.length) return
  row.others = row.others.filter(({ settled }) => !settled)
  row.gone = 0
}
