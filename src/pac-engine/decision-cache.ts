import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer } from '../contracts/pac.ts'
import { SeenBefore } from './seen-before.ts'

export interface Decision {
  /** As it was decided. */
  readonly outcome: PacAnswer | GatewayError
  /** When, by `clock.monotonic()`. */
  readonly decided: number
  /** What is given to those who ask again, so many whole seconds later. */
  remembered?: { readonly seconds: number; readonly answer: PacAnswer }
  readonly host: string
  /** By `clock.monotonic()`: the earliest of the limit and the expiry of the DNS answers that the script saw. */
  readonly expires: number
  /** The wall-clock second it holds for, when the script read the clock: it never outlives a boundary that the script could have. */
  readonly second: number | undefined
}

/** Half as many decisions as are remembered, in less than this many ms of the clock: few of them can be asked for again before they have to go. */
const RUSH_MS = 1_000

/**
 * Decisions by URL. Two generations of half the size each: what is asked for stays, what is not goes, and nothing is moved on a hit. In a rush of new ones only those are kept that
 * come for the second time: thousands of others would drive out what is asked for, and to keep each for a moment takes longer than to decide it (each outlives a collection or two of the
 * young garbage, which holds the main thread for milliseconds).
 */
export class DecisionCache {
  #young = new Map<string, Decision>()
  #old = new Map<string, Decision>()
  /** Characters of what the young ones have, as `charsOf` counts. */
  #chars = 0
  readonly #seen = new SeenBefore()
  /** Decisions so far, of which every `#half` the clock is looked at. */
  #count = 0
  #countedFrom = Number.NEGATIVE_INFINITY
  #rush = false
  readonly #half: number
  readonly #halfChars: number

  /** `chars`: of URLs, answers and what is told of the evaluation, for it is that which takes the memory. */
  constructor(entries: number, chars: number) {
    this.#half = Math.max(1, Math.floor(entries / 2))
    this.#halfChars = chars / 2
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** `now` by `clock.monotonic()`; `second` is asked for the wall-clock second only where it matters. */
  get(url: string, host: string, now: number, second: () => number): Decision | undefined {
    let decision = this.#young.get(url)
    if (!decision) {
      decision = this.#old.get(url)
      if (!decision) return undefined
      this.#old.delete(url)
      this.set(url, decision)
    }
    if (decision.host !== host) return undefined
    if (decision.expires <= now || (decision.second !== undefined && decision.second !== second())) {
      this.#young.delete(url)
      return undefined
    }
    return decision
  }

  set(url: string, decision: Decision): void {
    if (this.#young.size >= this.#half || this.#chars >= this.#halfChars) {
      this.#old = this.#young
      this.#young = new Map()
      this.#chars = 0
    }
    this.#young.set(url, decision)
    this.#chars += charsOf(url, decision)
  }

  /** Of a decision that was made just now, by `clock.monotonic()`, about a URL of that digest: whether it is one to be kept. */
  admits(digest: number, outcome: Decision['outcome'], decided: number): boolean {
    if (++this.#count >= this.#half) {
      this.#rush = decided - this.#countedFrom < RUSH_MS
      this.#countedFrom = decided
      this.#count = 0
    }
    const seen = this.#seen.note(digest)
    // What failed may have taken its whole time, and is not to be run again at once.
    return seen || !this.#rush || decided - this.#countedFrom >= RUSH_MS || outcome instanceof GatewayError
  }

  clear(): void {
    this.#seen.clear()
    this.#chars = 0
    this.#young.clear()
    this.#old.clear()
  }
}

/** What keeping a text takes besides its characters, and what an error does: its place in our code. In characters. */
const TEXT_CHARS = 32
const ERROR_CHARS = 2_000

function charsOf(url: string, { outcome }: Decision): number {
  const isError = outcome instanceof GatewayError
  const trace = isError ? outcome.pac : outcome.trace
  // The stack has an error's message again.
  const said = isError ? ERROR_CHARS + 2 * outcome.message.length : outcome.result.length
  let chars = url.length + said + TEXT_CHARS * 4
  for (const alert of trace?.alerts ?? []) chars += TEXT_CHARS + alert.length
  for (const { args, answer } of trace?.calls ?? []) {
    chars += TEXT_CHARS * 3 + answer.length
    for (const text of args) chars += TEXT_CHARS + text.length
  }
  return chars
}
