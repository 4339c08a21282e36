import { closeSync } from 'node:fs'
import { type Batch, HELD, type HoldDoors, type HoldLost, type ToFront } from '../../front/messages.ts'
import type { Endpoint } from '../../system/linux/socket-address.ts'

/** A queue of the kernel that has a reader of its own while nobody else takes attempts from it. */
export interface FrontedQueue {
  readonly number: number
  /** Given back to the kernel: nobody answers by it any more. */
  readonly isClosed: boolean
  /** A descriptor for the front to read and answer by; negative: there can be none. */
  lend(): number
  leave(): void
  takeBack(): void
  /** An attempt that the front does not serve. */
  held(syn: FrontedSyn): void
  lostElsewhere(code: number): void
}

/** As the queue itself knows it. */
export interface FrontedSyn {
  readonly packet: number
  readonly sequence: number
  readonly source: Endpoint
  readonly dialled: Endpoint & { readonly family: 4 | 6 }
}

export interface Hold<Door> {
  readonly queue: FrontedQueue
  /** Of what is let in. */
  readonly mark: number
  /** By the family of the connections. */
  readonly doors: Readonly<Partial<Record<4 | 6, Door>>>
}

/** The thread, as far as queues go. */
export interface HoldThread {
  readonly usable: boolean
  tell(message: ToFront): void
}

/** Brings the queue of held attempts to the front's thread, once it has the doors that their connections come by. */
export class HeldFront<Door> {
  readonly #thread: HoldThread
  readonly #numberOf: (door: Door) => number | undefined
  #hold: Hold<Door> | undefined
  /** Those that the thread has been lent and that are open, by our number: what it says of an attempt may be of an earlier one. */
  readonly #lent = new Map<number, FrontedQueue>()
  #lastLent = -1
  /** The thread's, to be closed if it dies; absent: it has not been told. */
  #descriptor: number | undefined

  /** `numberOf`: of a door that the thread accepts by. */
  constructor(thread: HoldThread, numberOf: (door: Door) => number | undefined) {
    this.#thread = thread
    this.#numberOf = numberOf
  }

  /** In the place of the one before, which is closed or the same. */
  want(hold: Hold<Door> | undefined): void {
    const { queue, mark } = this.#hold ?? {}
    this.#hold = hold
    if (queue !== hold?.queue || mark !== hold?.mark) {
      if (this.#descriptor !== undefined) this.#thread.tell({ kind: 'let-go' })
      this.#descriptor = undefined
    }
    this.look()
  }

  /** Something may be ready that was not. */
  look(): void {
    if (!this.#hold || this.#descriptor !== undefined || !this.#thread.usable) return
    const { queue, mark } = this.#hold
    const doors: HoldDoors | undefined = this.#numbers(this.#hold.doors)
    const descriptor = doors ? queue.lend() : -1
    if (!doors || descriptor < 0) return
    this.#descriptor = descriptor
    this.#thread.tell({ kind: 'hold', hold: this.#numberFor(queue), descriptor, queue: queue.number, mark, doors })
    queue.leave()
  }

  /** The same for as long as it is open. */
  #numberFor(queue: FrontedQueue): number {
    for (const [number, lent] of this.#lent) {
      if (lent === queue) return number
      if (lent.isClosed) this.#lent.delete(number)
    }
    this.#lastLent += 1
    this.#lent.set(this.#lastLent, queue)
    return this.#lastLent
  }

  /** Attempts that the thread leaves to the door. Those of a queue that has been closed are gone with it: their clients send again. */
  obey({ held }: Pick<Batch, 'held'>): void {
    for (let at = 0; at < held.length; at += HELD) {
      const [hold, packet, sequence, source, sourcePort, address, family, port] = held.slice(at + 1, at + HELD) as [
        number,
        number,
        number,
        string,
        number,
        string,
        4 | 6,
        number,
      ]
      const queue = this.#lent.get(hold)
      if (!queue || queue.isClosed) continue
      queue.held({
        packet,
        sequence,
        source: { address: source, port: sourcePort },
        dialled: { address, family, port },
      })
    }
  }

  /** The thread cannot read it, and has left its descriptor to us. */
  unreadable({ hold, descriptor, code }: Omit<HoldLost, 'kind'>): void {
    closeSync(descriptor)
    if (descriptor === this.#descriptor) this.#descriptor = undefined
    this.#lent.get(hold)?.lostElsewhere(code)
  }

  /** The thread has died. */
  lost(): void {
    if (this.#descriptor !== undefined) {
      closeSync(this.#descriptor)
      this.#hold?.queue.takeBack()
    }
    this.#descriptor = undefined
    this.#hold = undefined
    this.#lent.clear()
  }

  #numbers(doors: Hold<Door>['doors']): HoldDoors | undefined {
    const numbers: { 4?: number; 6?: number } = {}
    for (const family of [4, 6] as const) {
      const door = doors[family]
      if (door === undefined) continue
      const number = this.#numberOf(door)
      if (number === undefined) return undefined
      numbers[family] = number
    }
    return numbers
  }
}
