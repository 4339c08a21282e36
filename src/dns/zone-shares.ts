import { isFairShare } from '../contracts/fair-share.ts'

/** Names that are being looked up in zones, by whose they are: whatever somebody asks for, as much is left for the next. */
export class ZoneShares {
  /** How many wait for each name of an owner. */
  readonly #owners = new Map<string, Map<string, number>>()
  #names = 0

  /** Undefined where there are too many, of this owner or of all. To be ended by calling what is answered. */
  begin(owner: string, name: string, maxNames: number): (() => void) | undefined {
    const own = this.#owners.get(owner) ?? new Map<string, number>()
    const waiting = own.get(name) ?? 0
    if (waiting === 0) {
      if (!isFairShare(own.size + 1, this.#names + 1, maxNames)) return undefined
      this.#names++
      this.#owners.set(owner, own)
    }
    own.set(name, waiting + 1)
    return () => this.#end(owner, own, name)
  }

  #end(owner: string, own: Map<string, number>, name: string): void {
    const left = own.get(name)! - 1
    own.set(name, left)
    if (left > 0) return
    own.delete(name)
    this.#names--
    if (own.size === 0) this.#owners.delete(owner)
  }
}
