/**
 * Names that a script's global code, or its function, was stopped for: each begins again until all are known. What was known may expire meanwhile, and is
 * asked for again; a script that asks for other names each time is not followed for ever.
 */
export class NamesAsked {
  readonly #most: number
  readonly #names = new Set<string>()
  #rounds = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Whether it may begin again. */
  add(names: readonly string[]): boolean {
    for (const name of names) this.#names.add(name)
    return this.#names.size <= this.#most && ++this.#rounds <= 2 * this.#most
  }
}

/** Of a load and an evaluation, each with its own bound: to be asked again after one of them a VM may have to be loaded anew, in which it asks for all its names. */
export class ExecutionsAsked {
  readonly #load: NamesAsked
  readonly #evaluation: NamesAsked

  constructor(most: number) {
    this.#load = new NamesAsked(most)
    this.#evaluation = new NamesAsked(most)
  }

  add({ names, loading = false }: { readonly names: readonly string[]; readonly loading?: boolean }): boolean {
    return (loading ? this.#load : this.#evaluation).add(names)
  }
}
