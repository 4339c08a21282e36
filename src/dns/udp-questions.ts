import type { Socket } from 'node:dgram'
import type { Clock } from '../contracts/clock.ts'
import type { DropReason } from '../contracts/packet.ts'
import { FairQueue } from '../system/fair-queue.ts'
import { ReceiveBuffer } from '../system/receive-buffer.ts'
import { SharedSender } from '../system/shared-sender.ts'
import type { DnsClient } from './answerer.ts'

export interface UdpQuestionsOptions {
  readonly clock: Clock
  /** See `Answerer.answer`. */
  answer(query: Buffer, client: DnsClient): Promise<Buffer | undefined>
  /** In whose name an address asks, waits and is answered. */
  ownerOf(address: string): string
  /** Questions that came faster than they were answered, and answers that the system did not take. */
  dropped(reason: DropReason, count: number): void
}

interface Question {
  readonly query: Buffer
  /** The client's, canonical. */
  readonly address: string
  readonly port: number
  /** The address as Node tells it: with a zone where it has one. */
  readonly from: string
}

/** Octets the kernel holds of questions that we have not come to: a burst of some thousand. It may allow less. */
const RECEIVE_BUFFER = 1024 * 1024
/** Octets of questions that wait for their turn. */
const MAX_WAITING = 1024 * 1024
/** A question's share of that beyond its octets: answering costs more than keeping. */
const COST = 512
/** Octets that are begun in one turn of the event loop: one question, where Node reads up to 32, so that they wait here, by client, and not in the system. */
const TURN = 1
/** Milliseconds after which a question is not answered any more: clients ask again after 2 to 5 s. */
const MAX_AGE_MS = 2_000
/** Milliseconds between looks at what the system has dropped. */
const LOOK_MS = 5_000

/** Questions that come by one UDP socket: clients take turns, one question of each, and no client keeps the socket from the others' answers. */
export class UdpQuestions {
  readonly #options: UdpQuestionsOptions
  readonly #waiting = new FairQueue<Question>({ maxBytes: MAX_WAITING, maxAgeMs: MAX_AGE_MS })
  readonly #received: ReceiveBuffer
  readonly #sender: SharedSender
  #isBusy = false
  #isClosed = false
  /** Set while it takes no more. */
  #emptied: (() => void) | undefined
  #lookedAt: number

  /** `socket`: bound. */
  constructor(socket: Socket, options: UdpQuestionsOptions) {
    this.#options = options
    this.#received = new ReceiveBuffer(socket, RECEIVE_BUFFER)
    this.#sender = new SharedSender(socket, options.clock)
    this.#lookedAt = options.clock.monotonic()
  }

  /** What comes while nothing waits is begun at once. */
  take(question: Question): void {
    if (this.#isClosed || this.#emptied) return
    const { query, address } = question
    const now = this.#options.clock.monotonic()
    this.#waiting.push(this.#options.ownerOf(address), question, query.length + COST, now)
    if (!this.#isBusy) this.#goOn()
    if (now - this.#lookedAt >= LOOK_MS) this.#count()
  }

  /** Takes no more. `emptied` is called once nothing waits: what was taken has been begun, or was too old. */
  drain(emptied: () => void): void {
    this.#emptied = emptied
    if (this.#waiting.isEmpty) emptied()
  }

  /** Nothing waits for its turn. */
  get isEmpty(): boolean {
    return this.#isClosed || this.#waiting.isEmpty
  }

  resume(): void {
    this.#emptied = undefined
  }

  /** To be told before the socket is closed. */
  close(): void {
    if (this.#isClosed) return
    this.#received.close()
    this.#count()
    this.#isClosed = true
  }

  readonly #goOn = (): void => {
    this.#isBusy = !this.#waiting.isEmpty && !this.#isClosed
    if (!this.#isBusy) {
      if (!this.#isClosed) this.#emptied?.()
      return
    }
    setImmediate(this.#goOn)
    for (const question of this.#waiting.take(TURN, this.#options.clock.monotonic())) void this.#answer(question)
  }

  async #answer({ query, address, port, from }: Question): Promise<void> {
    const answer = await this.#options.answer(query, { address, transport: 'udp' })
    if (!answer || this.#isClosed) return
    try {
      const isSent = this.#sender.send(
        this.#options.ownerOf(address),
        answer,
        from.includes('%') ? from : address,
        port,
      )
      if (!isSent) this.#options.dropped('unsent', 1)
    } catch {
      // The socket has closed meanwhile: nobody waits any more.
    }
  }

  #count(): void {
    this.#lookedAt = this.#options.clock.monotonic()
    const lost = this.#waiting.lost() + this.#received.lost()
    if (lost > 0) this.#options.dropped('overrun', lost)
  }
}
