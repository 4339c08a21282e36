/** For up to ten thousand at once, of which there are a few hundred most of the time. */
const PLACES = 2_048

export interface Entry<T> {
  readonly key: string
  readonly digest: number
  next: T | undefined
}

/**
 * What is under way, by a text. Not a Map: see `numbered-jobs.ts`.
 */
export class UnderWay<T extends Entry<T>> {
  /** Each with those whose digests meet there. */
  #places: (T | undefined)[] = Array(PLACES).fill(undefined)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** `digest` is that of `key`. */
  get(key: string, digest: number): T | undefined {
    let entry = this.#places[digest & (PLACES - 1)]
    while (entry && (entry.digest !== digest || entry.key !== key)) entry = entry.next
    return entry
  }

  /** Of a key that is not there. */
  add(entry: T): void {
    const place = entry.digest & (PLACES - 1)
    entry.next = this.#places[place]
    this.#places[place] = entry
    this.#size++
  }

  /** If it is there. */
  delete(entry: T): void {
    const place = entry.digest & (PLACES - 1)
    let before: T | undefined
    let one = this.#places[place]
    while (one && one !== entry) {
      before = one
      one = one.next
    }
    if (!one) return
    if (before) before.next = one.next
    else this.#places[place] = one.next
    one.next = undefined
    this.#size--
  }

  clear(): void {
    this.#places = Array(PLACES).fill(undefined)
    this.#size = 0
  }
}
