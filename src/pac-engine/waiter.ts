import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer } from '../contracts/pac.ts'

/** Somebody who asked. */
export interface Waiter {
  readonly resolve: (answer: PacAnswer) => void
  readonly reject: (reason: unknown) => void
  readonly signal: AbortSignal
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
  const { signal, reject } = waiter
  const aborted = () => {
    waiter.settled = true
    reject(signal.reason)
  }
  waiter.aborted = aborted
  if (signal.aborted) aborted()
  else signal.addEventListener('abort', aborted, { once: true })
}
