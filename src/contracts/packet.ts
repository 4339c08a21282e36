import type { Dialed } from './dialer.ts'
import type { GatewayError } from './gateway-error.ts'
import type { Captured, Client, Route, RouteQuery } from './route.ts'
import type { Scope, Target } from './target.ts'

/** Bytes of the largest payload that UDP over IPv4 carries: 65,535 without both headers. IPv6 could carry 20 more; nobody relies on it. */
export const MAX_DATAGRAM = 65_507

/** One datagram with the far side it goes to or came from. */
export interface Packet {
  readonly data: Buffer
  readonly peer: Target
  /** Of a reply: the far side as it was asked for, where that is known to be another than `peer`, such as a name. */
  readonly asked?: Target
  /** Of one that is sent: who asks for this far side and how, where it differs from one far side to the next, as captured names do. */
  readonly query?: RouteQuery
}

/**
 * A way out for datagrams, as a `Conn` is one for bytes: it keeps message boundaries, promises no order and no delivery, and never blocks
 * its user. One is opened for each client socket (source address and port), and serves all far sides that socket speaks to.
 */
export interface PacketConn {
  /** Too large, refused by policy or full: dropped and counted, as a network would. */
  send(packet: Packet): void
  /** Called for each datagram that comes back, from far sides that were sent to only. Set once, before the first `send`. */
  onPacket(receive: (packet: Packet) => void): void
  /** A far side, as it was asked for, that cannot be had: its name is unknown, its address forbidden, or its port answered "unreachable". */
  onRefused(refused: (peer: Target, error: GatewayError) => void): void
  /** Nobody speaks to this far side any longer: what is kept of it goes, and what it still sends is dropped. */
  forget(peer: Target): void
  /** Datagrams that came back and were lost, for they were not read in time, since it was last asked; also once it is closed. */
  lost(): number
  /** Settles when it is over: closed here, or with its control connection at the proxy. */
  readonly closed: Promise<void>
  close(): void
}

/**
 * Opens ways out for datagrams: `direct` by a socket of the host, `proxy` through the first candidate whose last hop is SOCKS5 (UDP ASSOCIATE,
 * RFC 1928 §7). Rejects with `GatewayError` only.
 */
export interface PacketDialer {
  open(route: Route, query: RouteQuery, signal: AbortSignal): Promise<Dialed<PacketConn>>
}

/** A client's socket as its door sees it: where datagrams come from that the gateway is to carry. */
export interface PacketClient {
  /** For people and logs, as in `Flow`. */
  readonly door: string
  readonly protocol: string
  readonly scope: Scope
  readonly client: Client
  /** A datagram for the client. `peer` is the true source, an address. */
  receive(packet: Packet): void
  /** A far side that is not to be had, each time the client sends there. Told in the door's own form, or not at all. */
  refused(peer: Target, error: GatewayError): void
  /** Datagrams of the client that were not read in time, since it was last asked; absent where the door has no socket for it alone. */
  lost?(): number
}

/** What the middle does for one client's socket: each new far side becomes a flow with a decision of its own. Bounded; never throws. */
export interface PacketSession {
  /** `captured` where the client knows nothing of proxies: then `peer` is what it dialled. */
  send(packet: Packet, captured?: CapturedName): void
  /** Far sides that are being spoken to. */
  readonly flows: number
  close(): void
}

/** What is known of the name of a captured datagram's far side. */
export interface CapturedName extends Omit<Captured, 'dialled'> {
  readonly name?: string
}

/**
 * Why a datagram went nowhere: policy, a decision that took too long, a limit of ours, more came than was read in time, or on its way to the client the
 * system did not take it, or it would have had to come from a port that somebody else has.
 */
export type DropReason = 'refused' | 'waiting' | 'limit' | 'overrun' | 'unsent' | 'port-taken'

/** Opens a session; undefined when there are too many. */
export type HandlePackets = (client: PacketClient) => PacketSession | undefined
