import type { ClientRequest } from 'node:http'
import type { Dialed } from './dialer.ts'
import type { GatewayError } from './gateway-error.ts'
import type { Route, RouteQuery } from './route.ts'

/** One plain-HTTP request on its way out, already checked and stripped of hop-by-hop fields (RFC 9110 §7.6). */
export interface OutgoingRequest {
  readonly method: string
  /** Origin-form: path and query, or `*`. The next hop's form is made from this and `query.target`. */
  readonly path: string
  /** Name, value, name, value … in the client's order and spelling; exactly one Host, equal to the target's authority. */
  readonly rawHeaders: readonly string[]
}

/**
 * Opens the way for one request: an idle connection of the same route, or a new one by way of the candidates. The returned request has its
 * connection and has sent nothing of the body; the caller writes the body and reads the response.
 */
export interface RequestDialer {
  open(route: Route, query: RouteQuery, request: OutgoingRequest, signal: AbortSignal): Promise<Dialed<ClientRequest>>
  /** Ends idle connections; those in use end with their requests. */
  close(): void
}

/** How one plain-HTTP exchange ended, for the log. */
export interface ExchangeResult {
  /** The status the client was sent; 101 for an upgrade. */
  readonly status: number
  /** Body bytes (after an upgrade: payload bytes) in each direction. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Milliseconds from opening to the first byte of the response. */
  readonly firstByteMs?: number
  readonly ended: 'finished' | 'client-reset' | 'upstream-reset' | 'aborted'
}

/** One plain-HTTP request: the exception to `Flow`, for it shares its connections with others. */
export interface RequestFlow extends RouteQuery {
  readonly id: string
  readonly door: string
  readonly request: OutgoingRequest
  /** Carries the request's body out and the response back, checked in both directions. Never rejects. */
  carry(upstream: ClientRequest): Promise<ExchangeResult>
  reject(error: GatewayError): void
}
