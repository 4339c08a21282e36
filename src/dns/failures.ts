import type { Clock } from '../contracts/clock.ts'

/** Milliseconds for which a failure is remembered: RFC 9520 §3.2 asks for a second at least, so that retries do not reach the servers again. */
const KEPT_MS = 1000
/** Failures that are remembered; the oldest goes first. */
const MAX_KEPT = 1000

/** What could not be found out just now, and why, by question. */
export class Failures {
  readonly #clock: Clock
  /** In the order of their end. */
  readonly #kept = new Map<string, { readonly reason: unknown; readonly until: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws the reason while it is remembered. */
  throwIfKnown(key: string): void {
    const known = this.#kept.get(key)
    if (!known) return
    if (this.#clock.monotonic() < known.until) throw known.reason
    this.#kept.delete(key)
  }

  remember(key: string, reason: unknown): void {
    this.#kept.delete(key)
    this.#kept.set(key, { reason, until: this.#clock.monotonic() + KEPT_MS })
    if (this.#kept.size > MAX_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
  }

  clear(): void {
    this.#kept.clear()
  }
}
