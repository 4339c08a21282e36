import { read, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, splice } from '../system/linux/descriptors.ts'
import { EAGAIN, EINTR, errno } from '../system/linux/libc.ts'
import { MSG_DONTWAIT, MSG_NOSIGNAL, SHUT_WR } from '../system/linux/socket-numbers.ts'
import { send, shutdown } from '../system/linux/sockets.ts'
import { LINGER_BYTES } from './limits.ts'
import { PIPE_BYTES, type Pipe, type PipePool } from './pipe-pool.ts'

/** One descriptor of a tunnel, with what epoll last said of it. Edge-triggered: a flag stays up until the kernel answers EAGAIN. */
export interface End {
  readonly fd: number
  readable: boolean
  writable: boolean
}

/** Bytes moved in one direction before the next tunnel has its turn. */
const TURN_BYTES = 1024 * 1024

/** Bytes copied at a time where there is no pipe; also the most a direction then holds in memory. */
const COPY_BYTES = 16 * 1024

export type Turn =
  /** Nothing to do until epoll says so. */
  | 'waits'
  /** There is more; the turn was used up. */
  | 'goes-on'
  /** The end of the stream has been passed on. */
  | 'done'
  | 'from-broke'
  | 'to-broke'
  /** More than may be thrown away has come for an end that is broken. */
  | 'unwanted'

const scratch = Buffer.allocUnsafeSlow(COPY_BYTES)

/** Bytes from one end to the other: through a pipe by splice, held only while there are bytes in it. */
export class Direction {
  readonly #from: End
  readonly #to: End
  readonly #pool: PipePool
  readonly #count: (bytes: number) => void
  /** Bytes in user space that go first: what had been read before the hand-over, or a copy's rest. */
  #early: Uint8Array | undefined
  #pipe: Pipe | undefined
  #inPipe = 0
  #sawEnd = false
  /** Bytes that may still be thrown away, once that is all that can be done with them. */
  #discards: number | undefined
  done = false

  constructor(from: End, to: End, early: Uint8Array | undefined, pool: PipePool, count: (bytes: number) => void) {
    this.#from = from
    this.#to = to
    this.#early = early
    this.#pool = pool
    this.#count = count
  }

  /** There is nobody to deliver to any more: what comes is read and thrown away, so that the sender can come to its end. */
  discard(): void {
    this.#discards = LINGER_BYTES
    this.close()
  }

  /** Gives the pipe back; bytes in it are lost. */
  close(): void {
    this.#early = undefined
    if (!this.#pipe) return
    this.#pool.give(this.#pipe, this.#inPipe === 0)
    this.#pipe = undefined
    this.#inPipe = 0
  }

  move(): Turn {
    if (this.done) return 'waits'
    const turn = this.#discards === undefined ? this.#carry() : this.#drain()
    if (this.#pipe && this.#inPipe === 0) this.close()
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
        if (sent >= 0) {
          this.#delivered(sent)
          left -= sent
        } else if (errno() === EAGAIN) to.writable = false
        else if (errno() !== EINTR) return 'to-broke'
        continue
      }
      if (this.#sawEnd) {
        shutdown(to.fd, SHUT_WR) // that it is closed already shows elsewhere
        return 'done'
      }
      if (!from.readable) return 'waits'
      const got = this.#read()
      if (got === 0) this.#sawEnd = true
      else if (got < 0 && errno() === EAGAIN) from.readable = false
      else if (got < 0 && errno() !== EINTR) return 'from-broke'
    }
    return 'goes-on'
  }

  #fromPipe(): number {
    return splice(this.#pipe!.out, null, this.#to.fd, null, this.#inPipe, SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
  }

  #delivered(bytes: number): void {
    this.#count(bytes)
    if (!this.#early) this.#inPipe -= bytes
    else this.#early = bytes < this.#early.length ? this.#early.subarray(bytes) : undefined
  }

  #read(): number {
    this.#pipe ??= this.#pool.take()
    if (this.#pipe) {
      const got = splice(this.#from.fd, null, this.#pipe.in, null, PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_NONBLOCK)
      if (got > 0) this.#inPipe = got
      return got
    }
    const got = read(this.#from.fd, scratch, COPY_BYTES)
    if (got > 0) this.#early = Uint8Array.prototype.slice.call(scratch, 0, got)
    return got
  }

  #drain(): Turn {
    while (this.#discards! > 0) {
      if (!this.#from.readable) return 'waits'
      const got = read(this.#from.fd, scratch, COPY_BYTES)
      if (got === 0) return 'done'
      if (got > 0) this.#discards! -= got
      else if (errno() === EAGAIN) this.#from.readable = false
      else if (errno() !== EINTR) return 'from-broke'
    }
    return 'unwanted'
  }
}
