import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { Relay, RelayCounts, RelayEnd, RelayResult } from '../contracts/relay.ts'
import { LimitSweep, type Swept } from './limit-sweep.ts'
import { LINGER_BYTES, LINGER_MS, MAX_QUEUED_BYTES, type RelayLimits } from './limits.ts'
import { reset } from './reset.ts'

export interface PortableRelayOptions extends RelayLimits {
  readonly clock: Clock
}

/** The relay for any two Conns on any platform: stream events only, nothing allocated per chunk. */
export function createPortableRelay(options: PortableRelayOptions): Relay {
  const sweep = new LimitSweep(options, options.clock)
  return (client, upstream, signal, counts = { bytesUp: 0, bytesDown: 0 }) =>
    new Promise((resolve) => new Pair(client, upstream, signal, counts, sweep, options.clock, resolve).start())
}

class Pair implements Swept {
  readonly #client: Conn
  readonly #upstream: Conn
  readonly #signal: AbortSignal
  readonly #counts: RelayCounts
  readonly #sweep: LimitSweep
  readonly #clock: Clock
  readonly #resolve: (result: RelayResult) => void
  readonly #startedAt: number
  #firstByteMs: number | undefined
  /** FINs passed on; they are activity too. */
  #fins = 0
  /** The side that broke off after its FIN; how the pair ends then is up to the other side, within LINGER_MS. */
  #broken: Conn | undefined
  #discarded = 0
  #ended: RelayEnd | undefined
  #open = 2

  constructor(
    client: Conn,
    upstream: Conn,
    signal: AbortSignal,
    counts: RelayCounts,
    sweep: LimitSweep,
    clock: Clock,
    resolve: (result: RelayResult) => void,
  ) {
    this.#client = client
    this.#upstream = upstream
    this.#signal = signal
    this.#counts = counts
    this.#sweep = sweep
    this.#clock = clock
    this.#resolve = resolve
    this.#startedAt = clock.monotonic()
  }

  start(): void {
    const client = this.#client
    const upstream = this.#upstream
    this.#sweep.add(this)
    this.#signal.addEventListener('abort', this.#abort)
    this.#attach(client, upstream, (bytes) => {
      this.#counts.bytesUp += bytes
    })
    this.#attach(upstream, client, (bytes) => {
      this.#firstByteMs ??= this.#clock.monotonic() - this.#startedAt
      this.#counts.bytesDown += bytes
    })
    if (this.#signal.aborted) this.#end('aborted')
    // What happened before the hand-over sends no event any more.
    for (const conn of [client, upstream]) {
      if (conn.readableEnded) this.#passEnd(conn)
      if (conn.closed) this.#closed(conn)
      else if (conn.destroyed) this.#broke(conn)
      else conn.resume()
    }
  }

  progress(): number {
    return this.#counts.bytesUp + this.#counts.bytesDown + this.#fins
  }

  expire(reason: 'idle' | 'lifetime' | 'linger'): void {
    this.#end(reason === 'linger' ? this.#brokenEnd() : reason)
  }

  #attach(from: Conn, to: Conn, count: (bytes: number) => void): void {
    // A socket that answers FIN with FIN by itself would cut off the late reply.
    from.allowHalfOpen = true
    from.on('data', (chunk: Buffer) => {
      if (to.destroyed) return this.#discard(chunk.length)
      count(chunk.length)
      if (!to.write(chunk) && to.writableLength > MAX_QUEUED_BYTES) from.pause()
    })
    to.on('drain', () => from.resume())
    from.on('end', () => this.#passEnd(from))
    from.on('error', () => this.#broke(from)) // stays attached for good: a late error must find a listener
    from.on('close', () => this.#closed(from))
  }

  #other(conn: Conn): Conn {
    return conn === this.#client ? this.#upstream : this.#client
  }

  #passEnd(from: Conn): void {
    if (this.#ended) return
    this.#fins += 1
    const to = this.#other(from)
    if (to.destroyed || to.writableEnded) this.#finishIfDone()
    else to.end(() => this.#finishIfDone())
  }

  #finishIfDone(): void {
    if (this.#ended || !this.#directionDone(this.#client) || !this.#directionDone(this.#upstream)) return
    this.#ended = 'finished'
    this.#client.destroy()
    this.#upstream.destroy()
  }

  #directionDone(from: Conn): boolean {
    const to = this.#other(from)
    return from.readableEnded && (to.writableFinished || to.destroyed)
  }

  #broke(conn: Conn): void {
    if (this.#ended || conn === this.#broken || isDone(conn)) return
    conn.destroy()
    if (!conn.readableEnded || this.#broken) {
      this.#end(conn === this.#client ? 'client-reset' : 'upstream-reset')
      return
    }
    this.#broken = conn
    this.#sweep.linger(this, LINGER_MS)
    this.#other(conn).resume() // its drain event went with the broken side
    this.#finishIfDone()
  }

  /** For a side that broke after its FIN: lost, as it would be without a gateway. */
  #discard(bytes: number): void {
    this.#discarded += bytes
    if (this.#discarded > LINGER_BYTES && this.#broken) this.#end(this.#brokenEnd())
  }

  #brokenEnd(): RelayEnd {
    return this.#broken === this.#client ? 'client-reset' : 'upstream-reset'
  }

  #closed(conn: Conn): void {
    this.#open -= 1
    this.#broke(conn)
    if (this.#open === 0) this.#settle()
  }

  readonly #abort = (): void => this.#end('aborted')

  #end(how: RelayEnd): void {
    if (this.#ended) return
    this.#ended = how
    reset(this.#client)
    reset(this.#upstream)
  }

  #settle(): void {
    this.#sweep.remove(this)
    this.#signal.removeEventListener('abort', this.#abort)
    const { bytesUp, bytesDown } = this.#counts
    const firstByte = this.#firstByteMs === undefined ? {} : { firstByteMs: this.#firstByteMs }
    this.#resolve({ bytesUp, bytesDown, ...firstByte, ended: this.#ended ?? 'finished' })
  }
}

const isDone = (conn: Conn): boolean => conn.readableEnded && conn.writableFinished
