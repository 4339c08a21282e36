import type { DnsEntry } from './vm-outcome.ts'

/** Names whose answers are held for an evaluation, times those that one execution may ask for: its own, and those of the global code of a VM that had to be loaded for it. */
export const HELD_TIMES = 2

/**
 * What an execution, which begins again for each name that is not known, has been told of names: it is told the same each time, as Chromium tells it, whatever is
 * forgotten meanwhile. Otherwise one that asks for slow names one after the other would never know the last while the first still holds.
 */
export class HeldAnswers {
  readonly #most: number
  readonly #answers = new Map<string, string | null>()
  #network = 0

  /** `most`: names; further ones are not held. */
  constructor(most: number) {
    this.#most = most
  }

  /** What it was told first holds, but nothing in another network than it was told in. */
  add(entries: readonly DnsEntry[], network = 0): void {
    if (network !== this.#network) this.#answers.clear()
    this.#network = network
    for (const [name, addresses] of entries) {
      if (addresses === undefined || this.#answers.has(name)) continue
      if (this.#answers.size < this.#most) this.#answers.set(name, addresses)
    }
  }

  /** What holds in that network. */
  in(network: number): ReadonlyMap<string, string | null> | undefined {
    return network === this.#network ? this.#answers : undefined
  }

  entries(network = 0): DnsEntry[] {
    return [...(this.in(network) ?? [])]
  }

  clear(): void {
    this.#answers.clear()
  }
}
