/** What can be in one list; the list writes these. */
export interface Listed<T> {
  before: T | undefined
  after: T | undefined
  isListed: boolean
}

/**
 * What lives now, oldest first. Not a `Set`: one that is added to and deleted from all the time makes a new table every few dozen times, and each
 * old table keeps what it held, and the table after it, until the whole heap is collected. With plain-HTTP requests that kept a fifth of the young
 * generation alive through every collection.
 */
export class LiveList<T extends Listed<T>> {
  #oldest: T | undefined
  #newest: T | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  add(item: T): void {
    if (item.isListed) return
    item.isListed = true
    item.before = this.#newest
    if (this.#newest) this.#newest.after = item
    else this.#oldest = item
    this.#newest = item
    this.#size += 1
  }

  /** False where it was not there. */
  delete(item: T): boolean {
    if (!item.isListed) return false
    const { before, after } = item
    if (before) before.after = after
    else this.#oldest = after
    if (after) after.before = before
    else this.#newest = before
    // An item that is no more must not keep its neighbours.
    item.before = undefined
    item.after = undefined
    item.isListed = false
    this.#size -= 1
    return true
  }

  /** At most so many, the oldest. */
  first(limit: number): T[] {
    const found: T[] = []
    for (let item = this.#oldest; item && found.length < limit; item = item.after) found.push(item)
    return found
  }
}
