/** What the gateway has decided for clients of one address that want one target: connect to these addresses in turn. */
export interface Decided {
  /** The gateway's name for it. */
  readonly number: number
  readonly addresses: readonly string[]
}

interface Kept extends Decided {
  readonly epoch: number
  /** Milliseconds of the front's clock. */
  readonly until: number
}

/**
 * Milliseconds for which a decision is used again: as long as the resolver's own memory, and for the same reason. Settings, networks and containers
 * that change end it at once, by the epoch.
 */
const KEEP_MS = 1_000
/** Decisions kept: bounds memory on both sides under a scan. */
const MAX_DECISIONS = 4_096

/**
 * Decisions that may be used again. The gateway alone decides; it says with each decision whether it holds for others who ask the same, and in which
 * epoch it was made. The number of the epoch stands in shared memory, where the gateway counts it up in the moment in which it begins to decide
 * differently: so no client meets what was decided before.
 */
export class DecisionCache {
  readonly #epoch: Int32Array
  readonly #onForgotten: (decision: number) => void
  readonly #kept = new Map<string, Kept>()

  /** `epoch`: one number, shared. `onForgotten`: of every decision that was offered once, when it is never used again. */
  constructor(epoch: Int32Array, onForgotten: (decision: number) => void) {
    this.#epoch = epoch
    this.#onForgotten = onForgotten
  }

  find(key: string, now: number): Decided | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    if (kept.until > now && kept.epoch === Atomics.load(this.#epoch, 0)) return kept
    this.forget(key)
    return undefined
  }

  keep(key: string, decided: Decided, epoch: number, now: number): void {
    if (epoch !== Atomics.load(this.#epoch, 0)) {
      this.#onForgotten(decided.number)
      return
    }
    if (this.#kept.size >= MAX_DECISIONS) this.clear()
    this.forget(key)
    this.#kept.set(key, { ...decided, epoch, until: now + KEEP_MS })
  }

  /** For an address that did not answer, too: whoever asks next has a new look at the names. */
  forget(key: string): void {
    const kept = this.#kept.get(key)
    if (kept === undefined) return
    this.#kept.delete(key)
    this.#onForgotten(kept.number)
  }

  /** Drops what is too old. In the order in which they came, so it stops at the first that is not. */
  prune(now: number): void {
    for (const [key, { until }] of this.#kept) {
      if (until > now) return
      this.forget(key)
    }
  }

  clear(): void {
    for (const key of [...this.#kept.keys()]) this.forget(key)
  }
}
