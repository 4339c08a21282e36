import type { DoorRules } from './messages.ts'
import type { Side } from './tunnel.ts'

/** Numbers kept for a row: when it began, when something last moved, and the progress there was then. */
const [WIDTH, SINCE, MOVED_AT, PROGRESS] = [3, 0, 1, 2]

/**
 * How long tunnels may go on: without a byte, in all, and after a side broke. Times in milliseconds, of the front's clock. In one table and not in
 * an object each, for there are many tunnels that do nothing but wait.
 */
export class TunnelTimes {
  readonly #table: Float64Array
  /** Tunnels of which a side is broken, by row. */
  readonly #lingering = new Map<number, { readonly side: Side; readonly until: number }>()

  /** Tunnels whose client broke off: most milliseconds without progress, by row. */
  readonly #hurried = new Map<number, number>()
  #lookAt = 0
  #lookedAt = 0

  constructor(rows: number) {
    this.#table = new Float64Array(rows * WIDTH)
  }

  begin(row: number, now: number): void {
    const at = row * WIDTH
    this.#table[at + SINCE] = now
    this.#table[at + MOVED_AT] = now
    this.#table[at + PROGRESS] = 0
  }

  since(row: number): number {
    return this.#table[row * WIDTH + SINCE]!
  }

  /** The other side of a broken one may finish until then, whatever moves. The first call counts. */
  linger(row: number, side: Side, until: number): void {
    if (!this.#lingering.has(row)) this.#lingering.set(row, { side, until })
  }

  /** From now on it goes on only as long as something moves within `ms`; then its client has broken it off. */
  hurry(row: number, ms: number, progress: number, now: number): void {
    this.#hurried.set(row, ms)
    this.#table[row * WIDTH + MOVED_AT] = now
    this.#table[row * WIDTH + PROGRESS] = progress
  }

  /** When the tunnels are to be looked at. The end of a broken one is not put off by rare looks, which are for those that nothing happens to; but one a second is enough. */
  get due(): number {
    // The first is the first to end: all have the same time.
    for (const { until } of this.#lingering.values())
      return Math.min(this.#lookAt, Math.max(this.#lookedAt + SWEEP_MS, until))
    return this.#lookAt
  }

  /** They have been, and are to be again after so many milliseconds. */
  looked(now: number, period: number): void {
    this.#lookedAt = now
    this.#lookAt = now + period
  }

  ended(row: number): void {
    this.#lingering.delete(row)
    this.#hurried.delete(row)
  }

  /** `progress` grows whenever something moves. Answers why the tunnel must end, if it must. */
  check(
    row: number,
    { idleMs, lifetimeMs }: Pick<DoorRules, 'idleMs' | 'lifetimeMs'>,
    progress: number,
    now: number,
  ): 'idle' | 'lifetime' | `${Side}-reset` | undefined {
    const table = this.#table
    const at = row * WIDTH
    if (progress !== table[at + PROGRESS]) {
      table[at + PROGRESS] = progress
      table[at + MOVED_AT] = now
    }
    const lingering = this.#lingering.size > 0 ? this.#lingering.get(row) : undefined
    if (lingering && now >= lingering.until) return `${lingering.side}-reset`
    const silence = now - table[at + MOVED_AT]!
    const patience = this.#hurried.size > 0 ? this.#hurried.get(row) : undefined
    if (patience !== undefined && silence >= patience) return 'client-reset'
    if (lifetimeMs > 0 && now - table[at + SINCE]! >= lifetimeMs) return 'lifetime'
    return idleMs > 0 && silence >= idleMs ? 'idle' : undefined
  }
}

/** Milliseconds between looks at tunnels, for their limits. */
const SWEEP_MS = 1_000
/** The same where several threads look, each at its own: a process that does nothing shall sleep. */
const SEVERAL_SWEEP_MS = 2_000

/** The same for these doors: short limits, as tests have them, are kept to within a quarter. */
export function sweepPeriod(
  doors: Iterable<{ readonly rules: Pick<DoorRules, 'idleMs' | 'lifetimeMs'> }>,
  threads: number,
): number {
  let period = threads > 1 ? SEVERAL_SWEEP_MS : SWEEP_MS
  for (const { rules } of doors) {
    if (rules.idleMs > 0) period = Math.min(period, rules.idleMs / 4)
    if (rules.lifetimeMs > 0) period = Math.min(period, rules.lifetimeMs / 4)
  }
  return period
}
