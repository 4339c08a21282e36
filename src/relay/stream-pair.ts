import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { RelayEnd } from '../contracts/relay.ts'
import { allArrived } from '../system/all-arrived.ts'
import { behindEnd } from '../system/ended-by-reset.ts'
import { streamDescriptor } from '../system/stream-descriptor.ts'
import { untaken } from '../system/untaken.ts'
import type { Expiry, LimitSweep, Swept } from './limit-sweep.ts'
import { ABANDONED_MS, LINGER_BYTES, LINGER_MS, MAX_QUEUED_BYTES } from './limits.ts'
import { type Pair, settle } from './pair.ts'
import { closeInOrder, reset } from './reset.ts'

/** Somebody who can go on with a pair in a better way once it has moved `after` bytes. */
export interface Successor {
  readonly after: number
  canTake(pair: Pair): boolean
  /** Right after `canTake` said yes: the pair is the successor's, with all that waits in its streams. */
  take(pair: Pair, sweep: LimitSweep, predecessor: Swept): void
}

/** The bytes of one pair, moved by stream events; nothing is allocated per chunk. */
export class StreamPair implements Swept {
  readonly #pair: Pair
  readonly #client: Conn
  readonly #upstream: Conn
  readonly #sweep: LimitSweep
  readonly #clock: Clock
  readonly #successor: Successor | undefined
  /** FINs passed on; they are activity too. */
  #fins = 0
  /** The side that broke off after its FIN, and has said everything; how the pair ends then is up to the other side, within LINGER_MS. */
  #broken: Conn | undefined
  #discarded = 0
  #ended: RelayEnd | undefined
  #open = 2

  constructor(pair: Pair, sweep: LimitSweep, clock: Clock, successor?: Successor) {
    this.#pair = pair
    this.#client = pair.client
    this.#upstream = pair.upstream
    this.#sweep = sweep
    this.#clock = clock
    this.#successor = successor
  }

  start(): void {
    this.#sweep.add(this)
    this.#pair.signal.addEventListener('abort', this.#abort)
    this.#attach(this.#client)
    this.#attach(this.#upstream)
    if (this.#pair.signal.aborted) this.#end('aborted')
    // What happened before the hand-over sends no event any more.
    for (const conn of [this.#client, this.#upstream]) {
      if (conn.readableEnded) this.passEnd(conn)
      if (conn.closed) this.closed(conn)
      else if (conn.destroyed) this.broke(conn)
      else conn.resume()
    }
  }

  progress(): number {
    const { bytesUp, bytesDown } = this.#pair.counts
    // No more comes of a client that has broken off: what moves then is what its origin takes.
    return bytesUp + bytesDown + this.#fins - (this.#broken === this.#client ? untaken(this.#upstream) : 0)
  }

  expire(reason: Expiry): void {
    this.#end(reason === 'linger' ? this.#resetBy(this.#broken) : reason)
  }

  #attach(conn: Conn): void {
    // A socket that answers FIN with FIN by itself would cut off the late reply.
    conn.allowHalfOpen = true
    if (conn instanceof Socket) {
      conn.setTimeout(0) // the limits are the relay's now
      conn.setNoDelay(true) // segments go on as they came
    }
    ;(conn as Attached)[PAIR] = this
    for (const [event, listener] of LISTENERS) conn.on(event, listener)
    if (conn === this.#upstream && hasNothingOnIt(conn)) conn._destroy = destroyAttached
  }

  #detach(conn: Conn): void {
    for (const [event, listener] of LISTENERS) conn.off(event, listener)
    ;(conn as Attached)[PAIR] = undefined
    if (conn._destroy === destroyAttached) conn._destroy = Socket.prototype._destroy
  }

  carry(from: Conn, chunk: Buffer): void {
    const to = this.#other(from)
    if (to.destroyed) {
      this.#discard(chunk.length)
      return
    }
    if (this.#successor && this.progress() > this.#successor.after && this.#passOn(this.#successor, from, to, chunk))
      return
    if (!this.#deliver(from, to, chunk) && to.writableLength > MAX_QUEUED_BYTES) from.pause()
  }

  #deliver(from: Conn, to: Conn, chunk: Buffer): boolean {
    const { counts } = this.#pair
    if (from === this.#client) counts.bytesUp += chunk.length
    else {
      this.#pair.firstByteMs ??= this.#clock.monotonic() - this.#pair.startedAt
      counts.bytesDown += chunk.length
    }
    return to.write(chunk)
  }

  /** Only in a moment when nothing waits to be written, for the successor writes past Node. What has been read and not written goes with it. */
  #passOn(successor: Successor, from: Conn, to: Conn, chunk: Buffer): boolean {
    if (this.#fins > 0 || to.writableLength > 0 || from.writableLength > 0) return false
    if (!successor.canTake(this.#pair)) return false
    this.#detach(from)
    this.#detach(to)
    this.#pair.signal.removeEventListener('abort', this.#abort)
    from.pause()
    to.pause()
    from.unshift(chunk)
    successor.take(this.#pair, this.#sweep, this)
    return true
  }

  drained(conn: Conn): void {
    this.#other(conn).resume()
  }

  #other(conn: Conn): Conn {
    return conn === this.#client ? this.#upstream : this.#client
  }

  passEnd(from: Conn): void {
    if (this.#ended) return
    const to = this.#other(from)
    const { bytes, byReset } = behindEnd(from)
    if (!to.destroyed && !to.writableEnded) for (const chunk of bytes) this.#deliver(from, to, chunk)
    if (byReset) {
      this.#end(this.#resetBy(from))
      return
    }
    this.#fins += 1
    if (to.destroyed || to.writableEnded) this.#finishIfDone()
    else to.end(() => this.#endPassed(from))
  }

  #endPassed(from: Conn): void {
    if (this.#broken === from) this.#sweep.linger(this, LINGER_MS)
    this.#finishIfDone()
  }

  #finishIfDone(): void {
    if (this.#ended || !this.#directionDone(this.#client) || !this.#directionDone(this.#upstream)) return
    this.#ended = 'finished'
    this.#client.destroy()
    this.#upstream.destroy()
  }

  #directionDone(from: Conn): boolean {
    const to = this.#other(from)
    return (from.readableEnded || from === this.#broken) && (to.writableFinished || to.destroyed)
  }

  /**
   * A write to the upstream has failed, and Node closes it for that. The write may have heard of a reset before any read did, and what stands before the reset is still
   * in the stream and in the kernel: an answer perhaps, and its end. Whether there was an end is in what the write was told: the kernel says EPIPE of a reset that came
   * behind a FIN (tcp_reset), ECONNRESET of one that cut off; to UNIX sockets it says EPIPE of both, and the read then which. A client that takes no more is another
   * matter: its origin is told at once.
   */
  refused(error: NodeJS.ErrnoException): void {
    const [client, upstream] = [this.#client, this.#upstream]
    if (this.#ended || this.#broken || client.destroyed || client.writableEnded) return
    if (error.syscall !== 'write' || upstream.readableEnded || streamDescriptor(upstream) < 0) return
    for (const chunk of takeBuffered(upstream)) this.#deliver(upstream, client, chunk)
    const { bytes, byReset } = behindEnd(upstream)
    for (const chunk of bytes) this.#deliver(upstream, client, chunk)
    if (byReset || error.code !== 'EPIPE') return
    this.#broken = upstream
    this.#fins += 1
    client.resume() // its drain event went with the broken side
    client.end(() => this.#endPassed(upstream))
  }

  broke(conn: Conn): void {
    if (this.#ended || conn === this.#broken || isDone(conn)) return
    conn.destroy()
    if (!conn.readableEnded || this.#broken) {
      this.#end(this.#resetBy(conn))
      return
    }
    this.#broken = conn
    const whole = this.#other(conn)
    if (whole.writableFinished) this.#sweep.linger(this, LINGER_MS)
    else if (conn === this.#client) this.#sweep.hurry(this, ABANDONED_MS)
    whole.resume() // its drain event went with the broken side
    this.#finishIfDone()
  }

  /** For a side that broke after its FIN: lost, as it would be without a gateway. */
  #discard(bytes: number): void {
    this.#discarded += bytes
    if (this.#discarded <= LINGER_BYTES || !this.#broken) return
    const upstream = this.#upstream
    // Nothing is on its way any more to an origin whose client is gone: it is told at once, as without a gateway. A client may have an answer still to read.
    if (this.#broken === this.#client && upstream.writableFinished && allArrived(streamDescriptor(upstream))) {
      this.#end('client-reset')
      return
    }
    this.#other(this.#broken).pause()
    this.#sweep.linger(this, LINGER_MS)
  }

  #resetBy(side: Conn | undefined): RelayEnd {
    return side === this.#client ? 'client-reset' : 'upstream-reset'
  }

  closed(conn: Conn): void {
    this.#open -= 1
    this.broke(conn)
    if (this.#open > 0) return
    this.#sweep.remove(this)
    this.#pair.signal.removeEventListener('abort', this.#abort)
    settle(this.#pair, this.#ended ?? 'finished')
  }

  readonly #abort = (): void => this.#end('aborted')

  #end(how: RelayEnd): void {
    if (this.#ended) return
    this.#ended = how
    const whole = this.#broken && this.#other(this.#broken)
    for (const conn of [this.#client, this.#upstream]) {
      if (conn === whole && conn.writableFinished) closeInOrder(conn)
      else reset(conn)
    }
  }
}

/** The pair that a Conn belongs to is kept on the Conn, so that all pairs share their listeners and an idle one holds no closure. */
const PAIR = Symbol('relay pair')
type Attached = Conn & { [PAIR]?: StreamPair | undefined }

const LISTENERS: readonly [event: string, listener: (this: Attached, chunk: Buffer) => void][] = [
  [
    'data',
    function (chunk) {
      this[PAIR]?.carry(this, chunk)
    },
  ],
  [
    'drain',
    function () {
      this[PAIR]?.drained(this)
    },
  ],
  [
    'end',
    function () {
      this[PAIR]?.passEnd(this)
    },
  ],
  [
    'error',
    function () {
      this[PAIR]?.broke(this)
    },
  ], // stays for good: a late error must find a listener
  [
    'close',
    function () {
      this[PAIR]?.closed(this)
    },
  ],
]

/** Of a plain upstream: in this moment its descriptor can be read for the last time. */
function destroyAttached(this: Attached, error: Error | null, callback: (error?: Error | null) => void): void {
  if (error) this[PAIR]?.refused(error)
  Socket.prototype._destroy.call(this, error, callback)
}

/** What Node has read, and has not told its pair. */
function takeBuffered(conn: Attached): readonly Buffer[] {
  const pair = conn[PAIR]
  conn[PAIR] = undefined // reading also tells whoever listens
  const chunks: Buffer[] = []
  for (let chunk = conn.read() as Buffer | null; chunk !== null; chunk = conn.read() as Buffer | null)
    chunks.push(chunk)
  conn[PAIR] = pair
  return chunks
}

const hasNothingOnIt = (conn: Conn): boolean =>
  !(conn instanceof TLSSocket) && conn._destroy === Socket.prototype._destroy

const isDone = (conn: Conn): boolean => conn.readableEnded && conn.writableFinished
