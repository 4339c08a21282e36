import { read, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, splice } from '../system/linux/descriptors.ts'
import { fixedMemory } from '../system/linux/fixed-memory.ts'
import { EAGAIN, EINTR, errno } from '../system/linux/libc.ts'
import { MSG_DONTWAIT, MSG_NOSIGNAL } from '../system/linux/socket-numbers.ts'
import { receiveFixed, send, sendFixed } from '../system/linux/sockets.ts'
import { LINGER_BYTES } from './limits.ts'
import { PIPE_BYTES, type Pipe, type PipePool } from './pipe-pool.ts'

/** One descriptor of a tunnel, with what epoll last said of it. Edge-triggered: a flag stays up until the kernel answers EAGAIN. */
export interface End {
  readonly fd: number
  readable: boolean
  writable: boolean
  /**
   * A read that brought less than was asked for has taken all there was: whatever comes later is told by epoll. So with TCP, as long as neither
   * its FIN has been announced nor urgent data, at which a read stops short (tcp(7)).
   */
  shortIsAll: boolean
  /** Urgent data has been announced, at which splice stops for good and a read only once (tcp(7)). */
  urgent: boolean
  /** Its FIN has been announced while nothing was wrong: whatever error comes later, what it says has an end. */
  finCame: boolean
}

/** Who counts what a direction has delivered. */
export interface Tally {
  moved(direction: Direction, bytes: number): void
}

/** Bytes read in one direction before the next tunnel has its turn. */
const TURN_BYTES = 1024 * 1024

/** Bytes copied at a time where little comes or there is no pipe; also the most a direction then holds in memory. */
const COPY_BYTES = 16 * 1024

/**
 * With less than this at a time copying is cheaper: a read and a write, where a pipe takes two splices and one more that finds nothing.
 * A read that fills the buffer is the sign of more to come.
 */
const SMALL_BYTES = 8 * 1024

export type Turn =
  /** Nothing to do until epoll says so. */
  | 'waits'
  /** There is more; the turn was used up. */
  | 'goes-on'
  /** All has been delivered; the end of the stream is to be passed on. */
  | 'done'
  | 'from-broke'
  | 'to-broke'
  /** More has come for an end that is broken than may be thrown away: nothing more is read. Said once. */
  | 'unwanted'

/** What `#copy` answers when the end that it sends to is broken. */
const NOWHERE = -2

const scratch = fixedMemory(COPY_BYTES)

/** Bytes from one end to the other: copied while they come in small pieces, else through a pipe by splice, held only while there are bytes in it. */
export class Direction {
  readonly #from: End
  readonly #to: End
  readonly #pool: PipePool
  readonly #tally: Tally
  /** Bytes in user space that go first: what had been read before the hand-over, or a copy's rest. */
  #early: Uint8Array | undefined
  #pipe: Pipe | undefined
  #inPipe = 0
  #sawEnd = false
  /** The last read brought much, so the next goes through a pipe. */
  #bulk = false
  /** Bytes that may still be thrown away, once that is all that can be done with them. */
  #discards: number | undefined
  done = false
  /** With `to-broke`: what the kernel said to the write. */
  brokeBy = 0

  constructor(from: End, to: End, early: Uint8Array | undefined, pool: PipePool, tally: Tally) {
    this.#from = from
    this.#to = to
    this.#early = early
    this.#pool = pool
    this.#tally = tally
  }

  /** Nothing is under way and nothing has ended: another direction between the same ends could go on in its place. */
  get resting(): boolean {
    return (
      !this.#early && !this.#pipe && !this.#sawEnd && !this.done && this.#discards === undefined && !this.#from.readable
    )
  }

  /** There is nobody to deliver to any more: what comes is read and thrown away, so that the sender can come to its end. */
  discard(): void {
    this.#discards ??= LINGER_BYTES
    this.close()
  }

  /** Gives back what it holds; bytes that are still under way are lost. */
  close(): void {
    this.#early = undefined
    this.#givePipe()
  }

  /** What a copy has left in user space stays. */
  #givePipe(): void {
    if (!this.#pipe) return
    this.#pool.give(this.#pipe, this.#inPipe === 0)
    this.#pipe = undefined
    this.#inPipe = 0
  }

  move(): Turn {
    if (this.done) return 'waits'
    const turn = this.#discards === undefined ? this.#carry() : this.#drain()
    if (this.#inPipe === 0) this.#givePipe()
    if (turn === 'done') this.done = true
    return turn
  }

  #carry(): Turn {
    const from = this.#from
    const to = this.#to
    let left = TURN_BYTES
    while (left > 0) {
      // Nothing is read that can't be passed on, so that what waits, waits in the kernel's buffers and the sender feels it.
      if (!to.writable) return 'waits'
      if (this.#early || this.#inPipe > 0) {
        const sent = this.#early
          ? send(to.fd, this.#early, this.#early.length, MSG_DONTWAIT | MSG_NOSIGNAL)
          : this.#fromPipe()
        if (sent >= 0) this.#delivered(sent)
        else if (errno() === EAGAIN) to.writable = false
        // No want of memory is among the errors: to TCP that does not wait it is EAGAIN, and epoll says when there is some (sk_stream_wait_memory).
        else if (errno() !== EINTR) {
          this.brokeBy = errno()
          return 'to-broke'
        }
        continue
      }
      if (this.#sawEnd) return 'done'
      if (!from.readable) return 'waits'
      const got = this.#bulk ? this.#splice() : this.#copy()
      if (got === 0) this.#sawEnd = true
      else if (got === NOWHERE) return 'to-broke'
      else if (got > 0) left -= got
      else if (errno() === EAGAIN) from.readable = false
      else if (errno() !== EINTR) return 'from-broke'
    }
    return 'goes-on'
  }

  /** Reads what there is and sends it at once; what does not fit waits. Bytes read, 0 at the end, -1, or NOWHERE. */
  #copy(): number {
    const { fd } = this.#to
    const got = receiveFixed(this.#from.fd, scratch, MSG_DONTWAIT)
    if (got <= 0) return got
    if (got < COPY_BYTES && this.#from.shortIsAll) this.#from.readable = false
    else this.#bulk = got === COPY_BYTES
    const sent = sendFixed(fd, scratch, got, MSG_DONTWAIT | MSG_NOSIGNAL)
    if (sent === got) {
      this.#tally.moved(this, sent)
      return got
    }
    const error = sent < 0 ? errno() : 0
    if (error !== 0 && error !== EAGAIN && error !== EINTR) {
      this.brokeBy = error
      return NOWHERE
    }
    if (sent > 0) this.#tally.moved(this, sent)
    this.#early = Uint8Array.prototype.slice.call(scratch.bytes, Math.max(0, sent), got)
    return got
  }

  #fromPipe(): number {
    return splice(this.#pipe!.out, null, this.#to.fd, null, this.#inPipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
  }

  #delivered(bytes: number): void {
    this.#tally.moved(this, bytes)
    if (!this.#early) this.#inPipe -= bytes
    else this.#early = bytes < this.#early.length ? this.#early.subarray(bytes) : undefined
  }

  #splice(): number {
    this.#pipe ??= this.#pool.take()
    if (!this.#pipe) {
      this.#bulk = false
      return this.#copy()
    }
    const got = splice(this.#from.fd, null, this.#pipe.in, null, PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
    // Before an urgent byte it says the end where there is one behind it, else that there is nothing. Only a read goes on from there, and knows the end.
    if (got === 0 || (got < 0 && this.#from.urgent && errno() === EAGAIN)) {
      this.#bulk = false
      return this.#copy()
    }
    if (got > 0) this.#inPipe = got
    this.#bulk = got >= SMALL_BYTES
    return got
  }

  #drain(): Turn {
    if (this.#discards! <= 0) return 'waits'
    while (this.#discards! > 0) {
      if (!this.#from.readable) return 'waits'
      const got = read(this.#from.fd, scratch.bytes, COPY_BYTES)
      if (got === 0) return 'done'
      if (got > 0) this.#discards! -= got
      else if (errno() === EAGAIN) this.#from.readable = false
      else if (errno() !== EINTR) return 'from-broke'
    }
    return 'unwanted'
  }
}
