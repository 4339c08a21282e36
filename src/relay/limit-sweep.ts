import type { Clock } from '../contracts/clock.ts'
import { type RelayLimits, SWEEP_MS } from './limits.ts'

/** `linger`: the time that a broken side's partner had to finish is over, or its patience. `aborted`: that of all pairs is. */
export type Expiry = 'idle' | 'lifetime' | 'linger' | 'aborted'

/** A pair as the sweep sees it. */
export interface Swept {
  /** Grows whenever something moves; the sweep compares it with what it saw before, so that moving a byte costs no clock reading. */
  progress(): number
  expire(reason: Expiry): void
}

interface Watch {
  seen: number
  movedAt: number
  readonly since: number
  lingerUntil: number
  /** Most milliseconds without progress, beside `idleMs`. */
  patienceMs: number
}

/** One coarse timer for all pairs of a relay; none while there are no pairs or no limits. */
export class LimitSweep {
  readonly #limits: RelayLimits
  readonly #clock: Clock
  readonly #watched = new Map<Swept, Watch>()
  #timer: (() => void) | undefined
  /** Who waits for the last pair to close. */
  #onEmpty: (() => void)[] = []

  constructor(limits: RelayLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  add(pair: Swept): void {
    const now = this.#clock.monotonic()
    this.#watched.set(pair, {
      seen: pair.progress(),
      movedAt: now,
      since: now,
      lingerUntil: Number.POSITIVE_INFINITY,
      patienceMs: Number.POSITIVE_INFINITY,
    })
    this.#timer ??= this.#clock.after(this.#period(), this.#sweep)
  }

  /** From now on the pair has `ms` to come to its end, whatever moves. The first call counts. */
  linger(pair: Swept, ms: number): void {
    const watch = this.#watched.get(pair)
    if (watch && watch.lingerUntil === Number.POSITIVE_INFINITY) watch.lingerUntil = this.#clock.monotonic() + ms
  }

  /** From now on the pair goes on only as long as something moves within `ms`. */
  hurry(pair: Swept, ms: number): void {
    const watch = this.#watched.get(pair)
    if (!watch) return
    watch.patienceMs = ms
    watch.seen = pair.progress()
    watch.movedAt = this.#clock.monotonic()
  }

  /** Another goes on with what `predecessor` began: the limits run on. */
  replace(predecessor: Swept, successor: Swept): void {
    const watch = this.#watched.get(predecessor)
    if (!watch) return
    this.#watched.delete(predecessor)
    this.#watched.set(successor, watch)
  }

  get size(): number {
    return this.#watched.size
  }

  /** Ends all pairs; fulfilled when they have closed. */
  abortAll(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#watched.size === 0) return resolve()
      this.#onEmpty.push(resolve)
      for (const pair of [...this.#watched.keys()]) pair.expire('aborted')
    })
  }

  remove(pair: Swept): void {
    if (!this.#watched.delete(pair) || this.#watched.size > 0) return
    for (const tell of this.#onEmpty.splice(0)) tell()
    this.#timer?.()
    this.#timer = undefined
  }

  /** Short limits, as tests have them, are kept to within a quarter. */
  #period(): number {
    const { idleMs, lifetimeMs } = this.#limits
    return Math.min(SWEEP_MS, (idleMs || Number.POSITIVE_INFINITY) / 4, (lifetimeMs || Number.POSITIVE_INFINITY) / 4)
  }

  readonly #sweep = (): void => {
    const { idleMs, lifetimeMs } = this.#limits
    const now = this.#clock.monotonic()
    for (const [pair, watch] of this.#watched) {
      const progress = pair.progress()
      if (progress !== watch.seen) {
        watch.seen = progress
        watch.movedAt = now
      }
      if (now >= watch.lingerUntil || now - watch.movedAt >= watch.patienceMs) pair.expire('linger')
      else if (lifetimeMs > 0 && now - watch.since >= lifetimeMs) pair.expire('lifetime')
      else if (idleMs > 0 && now - watch.movedAt >= idleMs) pair.expire('idle')
    }
    this.#timer = this.#watched.size > 0 ? this.#clock.after(this.#period(), this.#sweep) : undefined
  }
}
