import { O_CLOEXEC, O_NONBLOCK } from '../system/linux/descriptors.ts'
import { EPOLLEXCLUSIVE, EPOLLIN } from '../system/linux/epoll.ts'
import { EAGAIN, EMFILE, ENFILE, ENOBUFS, ENOMEM, errno } from '../system/linux/libc.ts'
import { type Endpoint, readSocketAddress, SOCKET_ADDRESS_BYTES } from '../system/linux/socket-address.ts'
import { accept, sendAtOnce } from '../system/linux/sockets.ts'
import type { EventLoop, Watcher } from './event-loop.ts'
import { KnownOpenings } from './known-openings.ts'
import type { DoorRules } from './messages.ts'

/** Clients taken in a row before those that are there have their turn. */
const BURST = 64
/** The same where others could take them. More than one, for those that come together cost less together. */
const SHARED_BURST = 8
/** Milliseconds without accepting after the system had no descriptor or memory left, so that trying again does not eat the rest of it. */
export const PAUSE_MS = 100

export interface FrontDoorHost {
  readonly loop: EventLoop
  arrived(door: FrontDoor, fd: number, peer: Endpoint | undefined): void
  trouble(door: FrontDoor, error: number): void
}

/** A listening descriptor of our own; others may have some for the same socket. */
export class FrontDoor implements Watcher {
  readonly number: number
  #rules: DoorRules
  /** Of the rules as they are now. */
  openings: KnownOpenings
  readonly #fd: number
  readonly #host: FrontDoorHost
  readonly #isShared: boolean
  readonly #peer = new Uint8Array(SOCKET_ADDRESS_BYTES)
  readonly #peerBytes = new Int32Array(1)
  paused = true

  /** `isShared`: other threads take clients from the same socket. */
  constructor(number: number, fd: number, rules: DoorRules, host: FrontDoorHost, isShared = false) {
    this.number = number
    this.#rules = rules
    this.openings = new KnownOpenings(rules)
    this.#fd = fd
    this.#host = host
    this.#isShared = isShared
    // What is accepted has it from here (tcp(7)): a second small answer does not wait for the client's delayed ACK.
    sendAtOnce(fd)
  }

  /** Takes clients from here on. */
  resume(): void {
    if (!this.paused) return
    if (this.#watch()) this.paused = false
    else this.#host.trouble(this, errno()) // which has it tried again
  }

  /**
   * Lets the others go first, and has the kernel look again whether somebody is waiting. It wakes the first in the socket's queue that sleeps; whoever stayed
   * there would take every client that comes while it has nothing to do, and with them all that they are going to do.
   */
  stepBack(): void {
    if (!this.#isShared || this.paused) return
    this.#host.loop.forget(this.#fd)
    if (!this.#watch()) this.#pause(errno())
  }

  get rules(): DoorRules {
    return this.#rules
  }

  obey(rules: DoorRules): void {
    this.#rules = rules
    this.openings = new KnownOpenings(rules)
  }

  happened(): void {
    if (this.#take(this.#isShared ? SHARED_BURST : BURST) > 0) this.stepBack()
  }

  shut(): void {
    this.#host.loop.closeShared(this.#fd)
    this.paused = false // for good
  }

  /** At most so many; answers how many. */
  #take(most: number): number {
    for (let taken = 0; taken < most; taken += 1) {
      this.#peerBytes[0] = SOCKET_ADDRESS_BYTES
      const fd = accept(this.#fd, this.#peer, this.#peerBytes, O_NONBLOCK | O_CLOEXEC)
      if (fd >= 0) this.#host.arrived(this, fd, readSocketAddress(this.#peer))
      else {
        const error = errno()
        if (error === EMFILE || error === ENFILE || error === ENOBUFS || error === ENOMEM) this.#pause(error)
        // Whatever else there is (accept(2)) is the fault of one connection, which is gone.
        if (error === EAGAIN || this.paused) return taken
      }
    }
    return most
  }

  #watch(): boolean {
    return this.#host.loop.watch(this.#fd, this.#isShared ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN, this)
  }

  #pause(error: number): void {
    this.#host.loop.forget(this.#fd)
    this.paused = true
    this.#host.trouble(this, error)
  }
}
