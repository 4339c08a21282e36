import type {
  Side,
  StartTunnel,
  TunnelEnd,
  Tunnel as TunnelOfFront,
  TunnelOwner,
  TunnelSide,
} from '../../front/tunnel.ts'
import { LINGER_MS } from '../../relay/limits.ts'
import type { PipePool } from '../../relay/pipe-pool.ts'
import { Tunnel, type TunnelReports } from '../../relay/tunnel.ts'
import { BYTES_DOWN, BYTES_UP, FINS, ROW } from '../../relay/worker-protocol.ts'
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../../system/linux/epoll.ts'

/** The relay's tunnels for descriptors that the front has opened and watches itself. */
export function tunnelStarter(rows: Float64Array, pool: PipePool): StartTunnel {
  return (row, client, upstream, owner) => new FrontTunnel(row, client, upstream, owner, rows, pool)
}

class FrontTunnel extends Tunnel implements TunnelOfFront {
  readonly #rows: Float64Array

  constructor(
    row: number,
    client: TunnelSide,
    upstream: TunnelSide,
    owner: TunnelOwner,
    rows: Float64Array,
    pool: PipePool,
  ) {
    super(row, client, upstream, rows, pool, reportsTo(owner))
    this.#rows = rows
  }

  happened(side: Side, events: number): void {
    const end = side === 'client' ? this.client : this.upstream
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) end.readable = true
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) end.writable = true
    if (!(events & EPOLLERR)) return
    this.move() // what had arrived before the reset
    this.broke(side)
  }

  progress(): number {
    const at = this.row * ROW
    return this.#rows[at + BYTES_UP]! + this.#rows[at + BYTES_DOWN]! + this.#rows[at + FINS]!
  }
}

function reportsTo(owner: TunnelOwner): TunnelReports {
  return {
    ended: (_tunnel, how: TunnelEnd) => owner.tunnelEnded(how),
    lingering: (_tunnel, side: Side) => owner.lingers(side, LINGER_MS),
  }
}
