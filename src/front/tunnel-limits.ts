import type { DoorRules } from './messages.ts'
import type { Side } from './tunnel.ts'

/** How long one tunnel may go on: without a byte, in all, and after a side of it broke. Times in milliseconds, of the front's clock. */
export class TunnelLimits {
  readonly #rules: Pick<DoorRules, 'idleMs' | 'lifetimeMs'>
  readonly since: number
  #progress = 0
  #movedAt: number
  #lingering: Side | undefined
  #lingerUntil = Number.POSITIVE_INFINITY

  constructor(rules: Pick<DoorRules, 'idleMs' | 'lifetimeMs'>, now: number) {
    this.#rules = rules
    this.since = now
    this.#movedAt = now
  }

  /** The other side of a broken one may finish until then, whatever moves. */
  linger(side: Side, until: number): void {
    this.#lingering = side
    this.#lingerUntil = until
  }

  /** `progress` grows whenever something moves. Answers why the tunnel must end, if it must. */
  check(progress: number, now: number): 'idle' | 'lifetime' | `${Side}-reset` | undefined {
    const { idleMs, lifetimeMs } = this.#rules
    if (progress !== this.#progress) {
      this.#progress = progress
      this.#movedAt = now
    }
    if (now >= this.#lingerUntil) return `${this.#lingering!}-reset`
    if (lifetimeMs > 0 && now - this.since >= lifetimeMs) return 'lifetime'
    return idleMs > 0 && now - this.#movedAt >= idleMs ? 'idle' : undefined
  }
}
