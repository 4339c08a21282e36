/** Who can be in the list. */
export interface Ready {
  /** One turn. True if there is more to do at once. */
  move(): boolean
  /** Is in it; the list's own mark. */
  queued: boolean
}

/**
 * Those that have work, each once, in the order in which they came; who has more goes to the end and waits for the next turn. The two tables are kept and
 * their places used again: a table that is emptied by its length has to grow again from nothing, at every wake-up.
 */
export class ReadyList<One extends Ready> {
  #next: (One | undefined)[] = []
  #spare: (One | undefined)[] = []
  #count = 0

  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** Where there is exactly one. */
  get only(): One | undefined {
    return this.#count === 1 ? this.#next[0] : undefined
  }

  add(one: One): void {
    if (one.queued) return
    one.queued = true
    this.#next[this.#count] = one
    this.#count += 1
  }

  turn(): void {
    const turn = this.#next
    const count = this.#count
    this.#next = this.#spare
    this.#spare = turn
    this.#count = 0
    for (let place = 0; place < count; place += 1) {
      const one = turn[place]!
      turn[place] = undefined // not kept alive by its place
      one.queued = false
      if (one.move()) this.add(one)
    }
  }
}
