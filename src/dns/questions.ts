import type { DnsClient } from './answerer.ts'

/** See `Answerer.answer`. */
type Answer = (query: Buffer, client: DnsClient) => Promise<Buffer | undefined>

/** Counts what is being answered at one door, so that it can close when nothing is. */
export class Questions {
  readonly #answer: Answer
  #underWay = 0
  #state: 'open' | 'draining' | 'closed' = 'open'
  #drained: () => void = () => {}

  constructor(answer: Answer) {
    this.#answer = answer
  }

  /** Undefined while it drains, as for what is no question. */
  readonly answer: Answer = async (query, client) => {
    if (this.#state !== 'open') return undefined
    this.#underWay += 1
    try {
      return await this.#answer(query, client)
    } finally {
      this.#underWay -= 1
      this.#settle()
    }
  }

  drain(drained: () => void): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#drained = drained
    this.#settle()
  }

  resume(): void {
    if (this.#state === 'draining') this.#state = 'open'
  }

  /** False: it was closed already. */
  close(): boolean {
    if (this.#state === 'closed') return false
    this.#state = 'closed'
    return true
  }

  #settle(): void {
    // Whoever has asked for the last answer sends it first.
    const isOver = () => this.#state === 'draining' && this.#underWay === 0
    if (isOver()) setImmediate(() => isOver() && this.#drained())
  }
}
