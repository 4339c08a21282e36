import type { Clock } from '../contracts/clock.ts'
import { clean } from './script-failure.ts'

/** How long a start waits for names that a script's global code asks for: from the first of them, for all of them. */
export class StartNames {
  readonly #clock: Clock
  readonly #ms: number
  /** By `clock.monotonic()`. */
  #deadline: number | undefined
  #giveUp: (() => void) | undefined
  #late: string | undefined

  constructor(clock: Clock, ms: number) {
    this.#clock = clock
    this.#ms = ms
  }

  /** What held up the start for too long, for people. */
  get late(): string | undefined {
    return this.#late
  }

  /** Something that is being loaded waits for these. */
  waits(names: readonly string[]): void {
    const giveUp = this.#giveUp
    if (!giveUp) return
    const now = this.#clock.monotonic()
    this.#deadline ??= now + this.#ms
    this.#clock.after(Math.max(0, this.#deadline - now), () => {
      if (this.#giveUp !== giveUp) return
      this.#late ??= `is not loaded yet: its global code waits for names (${clean(names.map(shown).join(', '))})`
      giveUp()
    })
  }

  /** Waits for it, but no longer than that. */
  async limit(loading: Promise<unknown>): Promise<void> {
    await Promise.race([loading, new Promise<void>((resolve) => (this.#giveUp = resolve))])
    this.#giveUp = undefined
  }
}

/** The own addresses have no name. */
function shown(name: string): string {
  return name === '' ? "this machine's own addresses" : name
}
