/** Places of a row. A host of a thousand containers fills a hundredth of them. */
const PLACES = 32_768
/** Each client is counted once in every row; two clients meet in all rows once in a thousand million pairs. */
const ROWS = 2
/** Numbers before the counts: one seed a row. */
const SEEDS = ROWS

/**
 * Connections by client address, counted by two threads, each its own, and seen by both: a count-min sketch (Cormode and Muthukrishnan 2005), for threads
 * share numbers and no maps. A count is never too small, and too large only where another client has the same place in every row.
 */
export class ClientCounts {
  readonly #counts: Int32Array
  readonly #others: Int32Array
  readonly #seeds: Int32Array
  readonly #places: number[] = []

  /** `side`: whose thread this is. */
  constructor({ front, doors }: ClientCountsMemory, side: 'front' | 'doors') {
    this.#counts = new Int32Array(side === 'front' ? front : doors)
    this.#others = new Int32Array(side === 'front' ? doors : front)
    this.#seeds = new Int32Array(doors, 0, SEEDS)
  }

  /** One more of this side's. */
  add(client: string): void {
    for (const place of this.#placesOf(client)) Atomics.add(this.#counts, place, 1)
  }

  /** One less. */
  remove(client: string): void {
    for (const place of this.#placesOf(client)) Atomics.sub(this.#counts, place, 1)
  }

  /** Of both sides. */
  of(client: string): number {
    let count = Number.POSITIVE_INFINITY
    for (const place of this.#placesOf(client)) {
      count = Math.min(count, Atomics.load(this.#counts, place) + Atomics.load(this.#others, place))
    }
    return count
  }

  /** FNV-1a over the text, begun with the row's seed: who does not know it cannot choose addresses that meet with a neighbour's. */
  #placesOf(client: string): readonly number[] {
    for (let row = 0; row < ROWS; row += 1) {
      let hash = this.#seeds[row]!
      for (let at = 0; at < client.length; at += 1) hash = Math.imul(hash ^ client.charCodeAt(at), FNV_PRIME)
      hash ^= hash >>> 15
      hash = Math.imul(hash, MIX)
      hash ^= hash >>> 13
      this.#places[row] = SEEDS + row * PLACES + ((hash >>> 0) % PLACES)
    }
    return this.#places
  }
}

const FNV_PRIME = 0x01000193
/** Of MurmurHash3's finish: without it the low bits of similar addresses go in step. */
const MIX = 0x85ebca6b | 0

/** For `ClientCounts`: what each side counts, apart, so that those of a thread that has died can be taken away. */
export interface ClientCountsMemory {
  readonly front: SharedArrayBuffer
  readonly doors: SharedArrayBuffer
}

/** `chance`: a random 32-bit number. */
export function clientCountsMemory(chance: () => number): ClientCountsMemory {
  const bytes = (SEEDS + ROWS * PLACES) * Int32Array.BYTES_PER_ELEMENT
  const memory = { front: new SharedArrayBuffer(bytes), doors: new SharedArrayBuffer(bytes) }
  new Int32Array(memory.doors, 0, SEEDS).forEach((_, row, seeds) => {
    seeds[row] = chance()
  })
  return memory
}
