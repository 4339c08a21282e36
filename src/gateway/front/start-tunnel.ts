import type {
  Side,
  StartTunnel,
  TunnelEnd,
  Tunnel as TunnelOfFront,
  TunnelOwner,
  TunnelSide,
} from '../../front/tunnel.ts'
import { ABANDONED_MS, LINGER_BYTES, LINGER_MS } from '../../relay/limits.ts'
import type { PipePool } from '../../relay/pipe-pool.ts'
import { Tunnel, type TunnelReports } from '../../relay/tunnel.ts'
import { discardReceived } from '../../system/discard-received.ts'
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from '../../system/linux/epoll.ts'

/** The relay's tunnels for descriptors that the front has opened and watches itself, all of them TCP. */
export function tunnelStarter(rows: Float64Array, pool: PipePool): StartTunnel {
  return (row, client, upstream, owner, startedAt) =>
    new FrontTunnel(row, client, upstream, owner, rows, pool, startedAt)
}

class FrontTunnel extends Tunnel implements TunnelOfFront {
  readonly owner: TunnelOwner

  constructor(
    row: number,
    client: TunnelSide,
    upstream: TunnelSide,
    owner: TunnelOwner,
    rows: Float64Array,
    pool: PipePool,
    startedAt: number,
  ) {
    super(row, client, upstream, rows, pool, REPORTS, startedAt)
    this.owner = owner
    this.client.shortIsAll = true
    this.upstream.shortIsAll = true
  }

  happened(side: Side, events: number): void {
    const end = side === 'client' ? this.client : this.upstream
    if (events & (EPOLLIN | BROKEN)) end.readable = true
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) end.writable = true
    if (events & (EPOLLPRI | BROKEN)) end.shortIsAll = false
    if (events & EPOLLPRI) end.urgent = true
    if (events & EPOLLRDHUP && !(events & (EPOLLERR | EPOLLHUP))) end.finCame = true
    if (events & EPOLLERR) this.failed(side)
  }
}

const BROKEN = EPOLLRDHUP | EPOLLHUP | EPOLLERR

/** One for all tunnels; each knows its owner. */
const REPORTS: TunnelReports = {
  ended(tunnel, how: TunnelEnd, told) {
    if (told) discardReceived(tunnel[told].fd, LINGER_BYTES)
    ;(tunnel as FrontTunnel).owner.tunnelEnded(how, told)
  },
  lingering: (tunnel, side: Side) => (tunnel as FrontTunnel).owner.lingers(side, LINGER_MS),
  abandoned: (tunnel) => (tunnel as FrontTunnel).owner.abandoned(ABANDONED_MS),
}
