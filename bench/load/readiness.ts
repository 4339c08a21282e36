import { close, O_CLOEXEC } from '../../src/system/linux/descriptors.ts'
import {
  EPOLL_CTL_ADD,
  EVENT_DATA,
  EVENT_INTS,
  epollControl,
  epollCreate,
  epollWait,
  eventTable,
} from '../../src/system/linux/epoll.ts'

const EPOLL_CTL_MOD = 3
const MAX_EVENTS = 512

/** A bare epoll loop, edge-triggered by the caller's choice of events. Handlers run to their end; nothing else runs meanwhile. */
export class Readiness {
  readonly #epoll = epollCreate(O_CLOEXEC)
  readonly #handlers = new Map<number, (events: number) => void>()
  readonly #table = eventTable(MAX_EVENTS)
  readonly #events = this.#table.numbers
  readonly #event = new Int32Array(EVENT_INTS)

  add(fd: number, events: number, handler: (events: number) => void): void {
    this.#handlers.set(fd, handler)
    this.#event[0] = events
    this.#event[EVENT_DATA] = fd
    if (epollControl(this.#epoll, EPOLL_CTL_ADD, fd, this.#event) < 0) throw new Error(`epoll_ctl of ${fd}`)
  }

  replace(fd: number, events: number, handler: (events: number) => void): void {
    this.#handlers.set(fd, handler)
    this.#event[0] = events
    this.#event[EVENT_DATA] = fd
    epollControl(this.#epoll, EPOLL_CTL_MOD, fd, this.#event)
  }

  /** The kernel forgets a descriptor when it is closed. */
  closeDescriptor(fd: number): void {
    this.#handlers.delete(fd)
    close(fd)
  }

  get size(): number {
    return this.#handlers.size
  }

  turn(milliseconds: number): void {
    const count = epollWait(this.#epoll, this.#table, milliseconds)
    for (let index = 0; index < count; index += 1) {
      const fd = this.#events[index * EVENT_INTS + EVENT_DATA]!
      this.#handlers.get(fd)?.(this.#events[index * EVENT_INTS]!)
    }
  }

  close(): void {
    for (const fd of [...this.#handlers.keys()]) this.closeDescriptor(fd)
    close(this.#epoll)
  }
}
