/**
 * Begins what clients ask for, one in a turn of the event loop, the clients in rotation: hundreds of attempts of one, as a port scan makes them, would
 * keep the loop from everybody else's for a second. What comes while nothing waits begins at once. Whoever runs things bounds how many wait.
 */
export class FairTurns {
  /** By client, in the order of their next turns. */
  readonly #waiting = new Map<string, (() => void)[]>()
  #isTaken = false

  run(client: string, begin: () => void): void {
    const own = this.#waiting.get(client)
    if (own) own.push(begin)
    else this.#waiting.set(client, [begin])
    if (this.#isTaken) return
    this.#isTaken = true
    this.#next()
  }

  readonly #next = (): void => {
    const [entry] = this.#waiting
    this.#isTaken = entry !== undefined
    if (!entry) return
    const [client, own] = entry
    const begin = own.shift()!
    // To the end of the line, if there is more.
    this.#waiting.delete(client)
    if (own.length > 0) this.#waiting.set(client, own)
    setImmediate(this.#next)
    begin()
  }
}
