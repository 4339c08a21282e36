import type { Clock } from '../contracts/clock.ts'
import { clean } from './script-failure.ts'

/** What the script's server sent, or the last good version on disk. */
type Loading = 'fresh' | 'stored'

/** How long a start waits for names that a script's global code asks for: from the first of them, for all of them. */
export class StartNames {
  readonly #clock: Clock
  readonly #ms: number
  /** By `clock.monotonic()`. */
  #deadline: number | undefined
  #giveUp: (() => void) | undefined
  /** What is waited for. */
  #loading: Loading | undefined
  #late: string | undefined

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** What held up the start for too long, for people. */
  get late(): string | undefined {
    return this.#late
  }

  /** It waits for these. Nothing to whoever waits for the other one, which may need no name. */
  waits(loading: Loading, names: readonly string[]): void {
    const giveUp = this.#giveUp
    if (!giveUp || loading !== this.#loading) return
    const now = this.#clock.monotonic()
    this.#deadline ??= now + this.#ms
    this.#clock.after(Math.max(0, this.#deadline - now), () => {
      if (this.#giveUp !== giveUp) return
      this.#late ??= `is not loaded yet: its global code waits for names (${clean(names.map(shown).join(', '))})`
      giveUp()
    })
  }

  /** Waits for it, but no longer than that. */
  async limit(loading: Loading, loaded: Promise<unknown>): Promise<void> {
    this.#loading = loading
    await Promise.race([loaded, new Promise<void>((resolve) => (this.#giveUp = resolve))])
    this.#giveUp = undefined
  }
}

/** The own addresses have no name. */
function shown(name: string): string {
  return name === '' ? "this machine's own addresses" : name
}
