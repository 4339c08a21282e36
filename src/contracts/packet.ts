import type { Route, RouteQuery } from './route.ts'
import type { Target } from './target.ts'

/** One datagram with the far side it goes to or came from. */
export interface Packet {
  readonly data: Buffer
  readonly peer: Target
}

/**
 * A way out for datagrams, as a `Conn` is one for bytes: it keeps message boundaries, promises no order and no delivery, and never blocks
 * its user. One is opened for each client socket (source address and port), and serves all far sides that socket speaks to.
 */
export interface PacketConn {
  /** Too large, refused by policy or full: dropped and counted, as a network would. */
  send(packet: Packet): void
  /** Called for each datagram that comes back. Set once, before the first `send`. */
  onPacket(receive: (packet: Packet) => void): void
  /** Settles when it is over: closed here, or with its control connection at the proxy. */
  readonly closed: Promise<void>
  close(): void
}

/**
 * Opens ways out for datagrams: `direct` by a socket of the host, `proxy` through the first candidate whose last hop is SOCKS5 (UDP ASSOCIATE,
 * RFC 1928 §7). Rejects with `GatewayError` only.
 */
export interface PacketDialer {
  open(route: Route, query: RouteQuery, signal: AbortSignal): Promise<PacketConn>
}
