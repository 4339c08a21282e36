/** Characters in a row by which a piece of a query is recognized. Shorter ones are words such as `id` and `true`, which stand in scripts too. */
export const PIECE = 4
/** Different pieces of one hash that are compared; a text that meets more is taken for one of them. */
const MOST_ALIKE = 16
const HASH_MULTIPLIER = 0x9e3779b1

/** Every run of `PIECE` characters of a text, and which parts of other texts consist of such: as fast as reading both once. */
export class QueryPieces {
  readonly #text: string
  readonly #shift: number
  /** By hash, and by place: the place of the last run of it, and of the one before, plus one. */
  readonly #last: Int32Array
  readonly #before: Int32Array

  constructor(text: string) {
    this.#text = text
    const bits = Math.max(8, 32 - Math.clz32(text.length))
    this.#shift = 32 - bits
    this.#last = new Int32Array(1 << bits)
    this.#before = new Int32Array(text.length)
    for (let at = 0; at + PIECE <= text.length; at++) {
      const hash = this.#hash(text, at)
      const last = this.#last[hash]!
      if (last > 0 && this.#same(last - 1, text, at)) continue
      this.#before[at] = last
      this.#last[hash] = at + 1
    }
  }

  /** The end of what stands at `at` and is made of pieces; `at` where none begins there. */
  endAt(text: string, at: number): number {
    if (!this.#has(text, at)) return at
    let end = at + PIECE
    for (let next = at + 1; next <= end; next++) if (this.#has(text, next)) end = next + PIECE
    return end
  }

  #has(text: string, at: number): boolean {
    if (at + PIECE > text.length) return false
    let place = this.#last[this.#hash(text, at)]!
    for (let looked = 0; place > 0; place = this.#before[place - 1]!) {
      if (++looked > MOST_ALIKE || this.#same(place - 1, text, at)) return true
    }
    return false
  }

  #same(place: number, text: string, at: number): boolean {
    for (let i = 0; i < PIECE; i++) if (this.#text.charCodeAt(place + i) !== text.charCodeAt(at + i)) return false
    return true
  }

  #hash(text: string, at: number): number {
    let key = 0
    for (let i = 0; i < PIECE; i++) key = (key << 7) ^ text.charCodeAt(at + i)
    return Math.imul(key, HASH_MULTIPLIER) >>> this.#shift
  }
}
