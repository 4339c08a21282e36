import { close, O_CLOEXEC } from '../system/linux/descriptors.ts'
import {
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EVENT_DATA,
  EVENT_INTS,
  epollControl,
  epollCreate,
  epollWait,
  eventTable,
} from '../system/linux/epoll.ts'
import { EINTR, errno } from '../system/linux/libc.ts'

/** Whoever has a descriptor in the loop. */
export interface Watcher {
  /** Events of epoll(7), for a descriptor that is still this watcher's. */
  happened(descriptor: number, events: number): void
}

/** Events taken from the kernel at once. */
const MAX_EVENTS = 256

/**
 * A bare epoll. A descriptor is registered once; closing it takes it out. Numbers are used again at once, so each registration has a serial
 * number that its events bear: what was meant for the one before is not told to the next.
 */
export class EventLoop {
  readonly #epoll = epollCreate(O_CLOEXEC)
  /** By descriptor. */
  readonly #watchers: (Watcher | undefined)[] = []
  readonly #serials: number[] = []
  #serial = 0
  #count = 0
  readonly #table = eventTable(MAX_EVENTS)
  readonly #events = this.#table.numbers
  readonly #event = new Int32Array(EVENT_INTS)

  get usable(): boolean {
    return this.#epoll >= 0
  }

  watch(fd: number, events: number, watcher: Watcher): boolean {
    this.#event[0] = events
    this.#event[EVENT_DATA] = fd
    this.#event[EVENT_DATA + 1] = this.#serial = (this.#serial + 1) | 0
    if (epollControl(this.#epoll, EPOLL_CTL_ADD, fd, this.#event) < 0) return false
    this.#watchers[fd] = watcher
    this.#serials[fd] = this.#serial
    return true
  }

  /** The descriptor goes on without us. */
  forget(fd: number): void {
    epollControl(this.#epoll, EPOLL_CTL_DEL, fd, null)
    this.#watchers[fd] = undefined
  }

  /** Of a file that nobody else has open: the kernel takes it out of the loop with the last descriptor of it, epoll(7). */
  closeDescriptor(fd: number): void {
    this.#watchers[fd] = undefined
    close(fd)
  }

  /** Of a file that others have open too. */
  closeShared(fd: number): void {
    this.forget(fd)
    close(fd)
  }

  /** Waits for events, at most so many milliseconds; the first `awake` of them without sleeping. */
  wait(milliseconds: number, awake = 0): void {
    if (awake > 0) {
      const until = performance.now() + awake
      do {
        this.#count = epollWait(this.#epoll, this.#table, 0)
        if (this.#count > 0) return
      } while (performance.now() < until)
    }
    this.#count = epollWait(this.#epoll, this.#table, milliseconds)
    if (this.#count < 0 && errno() !== EINTR) throw new Error(`epoll_wait: error ${errno()}`)
  }

  /** Tells the watchers what has happened; those of the descriptor `first` before the others. */
  tell(first: number): void {
    for (let index = 0; index < this.#count; index += 1) if (this.#descriptor(index) === first) this.#tell(index)
    for (let index = 0; index < this.#count; index += 1) if (this.#descriptor(index) !== first) this.#tell(index)
  }

  close(): void {
    close(this.#epoll)
  }

  #descriptor(index: number): number {
    return this.#events[index * EVENT_INTS + EVENT_DATA]!
  }

  #tell(index: number): void {
    const fd = this.#descriptor(index)
    if (this.#serials[fd] !== this.#events[index * EVENT_INTS + EVENT_DATA + 1]) return
    this.#watchers[fd]?.happened(fd, this.#events[index * EVENT_INTS]!)
  }
}
