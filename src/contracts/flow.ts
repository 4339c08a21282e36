import type { Conn } from './conn.ts'
import type { GatewayError } from './gateway-error.ts'
import type { RouteQuery } from './route.ts'

/**
 * One thing a client wants: a stream to a target. Made by a door, decided by the router, carried by a dialer.
 * Exactly one of `accept` and `reject` is called, once. Each door owns the form of its reply:
 * HTTP 200 or an error page, a SOCKS reply code, a TCP reset. `C` is what the client's end of the tunnel is here: a stream, or something that
 * stands for descriptors which another thread holds.
 */
export interface Flow<C = Conn> extends RouteQuery {
  /** Unique in this process; in every log line of the flow and in error bodies. */
  readonly id: string
  /** Which door it came through, for people: `mixed 127.0.0.1:3128`. */
  readonly door: string
  /** What the client spoke there, for the log: `http-connect`, `socks5`. */
  readonly protocol?: string
  /** Says yes and hands over the client's bytes. Called only when the way out stands. */
  accept(): Promise<C>
  /** Says no, truthfully. Never throws; a client that has gone is no error. */
  reject(error: GatewayError): void
}
