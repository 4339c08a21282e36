import { allArrived } from '../system/all-arrived.ts'
import { EPIPE } from '../system/linux/libc.ts'
import { SHUT_WR } from '../system/linux/socket-numbers.ts'
import { shutdown } from '../system/linux/sockets.ts'
import { Direction, type End, type Tally, type Turn } from './direction.ts'
import type { PipePool } from './pipe-pool.ts'
import {
  BYTES_DOWN,
  BYTES_UP,
  FINS,
  FIRST_BYTE_MS,
  type Lent,
  ROW,
  type Side,
  type WorkerEnd,
} from './worker-protocol.ts'

export interface TunnelReports {
  /** `told`: see `FromWorker`. */
  ended(tunnel: Tunnel, how: WorkerEnd, told: Side | undefined): void
  /** From now on the tunnel has LINGER_MS. The first time counts. */
  lingering(tunnel: Tunnel, side: Side): void
  /** The client has broken off, and something that it said before is still to be delivered: as long as some of it moves within ABANDONED_MS. Once. */
  abandoned(tunnel: Tunnel): void
}

/** Two borrowed descriptors and the bytes between them, with the same rules of ending as `portable.ts`. */
export class Tunnel implements Tally {
  readonly row: number
  readonly client: End
  readonly upstream: End
  readonly #up: Direction
  readonly #down: Direction
  readonly #rows: Float64Array
  readonly #reports: TunnelReports
  readonly #startedAt: number
  #broken: Side | undefined
  /** Has an error behind what it said before. */
  #failing: Side | undefined
  /** Of the failing side: its error was told to a write, and no FIN had come before it. The end that its reads come to is that error. */
  #isCutOff = false
  ended = false
  /** In the worker's list of those that have work; the worker's own mark. */
  queued = false

  /** `startedAt`: of this thread's clock, in milliseconds. */
  constructor(
    row: number,
    client: Lent,
    upstream: Lent,
    rows: Float64Array,
    pool: PipePool,
    reports: TunnelReports,
    startedAt = performance.now(),
  ) {
    this.row = row
    this.#rows = rows
    this.#reports = reports
    this.#startedAt = startedAt
    // Nearly always writable; if not, the first write says so. Readable only when epoll has said it.
    const said = { readable: false, writable: true, shortIsAll: false, urgent: false, finCame: false }
    this.client = { fd: client.fd, ...said }
    this.upstream = { fd: upstream.fd, ...said }
    this.#up = new Direction(this.client, this.upstream, client.early, pool, this)
    this.#down = new Direction(this.upstream, this.client, upstream.early, pool, this)
  }

  /** Nothing is under way and nothing has ended: another could be made of the same descriptors and row when something happens. */
  get resting(): boolean {
    return (
      !this.ended && this.#broken === undefined && this.#failing === undefined && this.#up.resting && this.#down.resting
    )
  }

  moved(direction: Direction, bytes: number): void {
    const at = this.row * ROW
    if (direction === this.#up) {
      this.#rows[at + BYTES_UP]! += bytes
      return
    }
    if (this.#rows[at + FIRST_BYTE_MS] === -1) this.#rows[at + FIRST_BYTE_MS] = performance.now() - this.#startedAt
    this.#rows[at + BYTES_DOWN]! += bytes
  }

  /** One turn in each direction. True if there is more to do at once. */
  move(): boolean {
    const up = this.#settle(this.#up.move(), 'client', 'upstream')
    if (this.ended) return false
    const down = this.#settle(this.#down.move(), 'upstream', 'client')
    return !this.ended && (up || down)
  }

  /**
   * Epoll reported an error on a side. What had arrived before is still to be read, and to be delivered however slow the other side is; the read behind it tells
   * whether there was a FIN. Nothing is written to it any more: that would take the error away from the read.
   */
  failed(side: Side): void {
    if (this.ended || side === this.#failing) return
    const [own, towards] = side === 'client' ? [this.#up, this.#down] : [this.#down, this.#up]
    if (own.done || this.#failing !== undefined || this.#broken !== undefined) {
      this.broke(side)
      return
    }
    this.#failing = side
    if (!towards.done) towards.discard()
    if (side === 'client') this.#reports.abandoned(this)
  }

  /**
   * A write heard of the error before epoll did, and took it away: reads then end as behind a FIN. Whether there was one is in what the write was told: the kernel says
   * EPIPE of a reset that came behind a FIN (tcp_reset), ECONNRESET of one that cut off. Other errors, of a machine that has vanished, may come behind a FIN too, of which epoll has told then. A client that takes no more is another matter: its origin is told at once.
   */
  #refused(side: Side): void {
    if (side === 'upstream' && !this.#down.done && this.#failing === undefined && this.#broken === undefined) {
      this.#isCutOff = this.#up.brokeBy !== EPIPE && !this.upstream.finCame
      this.failed(side)
    } else this.broke(side)
  }

  /** Nothing more comes from a side, or goes to it. */
  broke(side: Side): void {
    if (this.ended || side === this.#broken) return
    const [own, towards] = side === 'client' ? [this.#up, this.#down] : [this.#down, this.#up]
    if (!own.done || this.#broken) {
      this.end(`${side}-reset`)
      return
    }
    // Its own end had been passed on: what it said is complete. The other side may finish; what it still sends has nobody to go to.
    if (towards.done) return
    this.#broken = side
    towards.discard()
    this.#reports.lingering(this, side)
  }

  end(how: WorkerEnd): void {
    if (this.ended) return
    this.ended = true
    this.#up.close()
    this.#down.close()
    this.#reports.ended(this, how, how === 'released' && this.#broken ? otherSide(this.#broken) : undefined)
  }

  #settle(turn: Turn, from: Side, to: Side): boolean {
    if (turn === 'done') {
      const hasFailed = from === this.#failing
      if (hasFailed && this.#isCutOff) this.end(`${from}-reset`)
      else this.#passEnd(to)
      if (hasFailed) this.broke(from)
    }
    if (turn === 'from-broke') this.broke(from)
    if (turn === 'to-broke') this.#refused(to)
    if (turn === 'unwanted') this.#unwanted(to)
    return turn === 'goes-on' || (turn === 'to-broke' && !this.ended)
  }

  /** More comes for a side than is thrown away. The other direction goes on, but not for ever: whoever is not read may not read either. */
  #unwanted(side: Side): void {
    if (this.#broken === undefined) this.#reports.lingering(this, side)
    // Nothing is on its way any more to an origin whose client is gone: it is told at once, as without a gateway. A client may have an answer still to read.
    else if (this.#broken === 'client' && allArrived(this.upstream.fd)) this.end('client-reset')
  }

  /** With the second end all is over, and closing says it too. */
  #passEnd(to: Side): void {
    this.#rows[this.row * ROW + FINS]! += 1
    if (this.#up.done && this.#down.done) this.end('finished')
    else shutdown(to === 'client' ? this.client.fd : this.upstream.fd, SHUT_WR) // that it is closed already shows elsewhere
  }
}

const otherSide = (side: Side): Side => (side === 'client' ? 'upstream' : 'client')
