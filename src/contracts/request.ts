import type { ClientRequest } from 'node:http'
import type { Dialed } from './dialer.ts'
import type { GatewayError } from './gateway-error.ts'
import type { Hop, Route, RouteQuery } from './route.ts'

/** One plain-HTTP request on its way out, already checked and stripped of hop-by-hop fields (RFC 9110 §7.6). */
export interface OutgoingRequest {
  readonly method: string
  /** Origin-form: path and query, or `*`. The next hop's form is made from this and `query.target`. */
  readonly path: string
  /** Name, value, name, value … in the client's order and spelling; exactly one Host, equal to the target's authority. */
  readonly rawHeaders: readonly string[]
  /** The protocol asked for with Upgrade. The way is then a tunnel to the target, through HTTP upstreams too, and is never reused. */
  readonly upgrade?: string
  /** Set once the client authenticates connections (NTLM, Negotiate): only connections with the same value may serve it. */
  readonly boundTo?: string
}

/** A request that has its connection. */
export type UpstreamRequest = ClientRequest & {
  /** The HTTP proxy that will answer, or pass the answer on; absent where the connection leads to the target itself. */
  readonly proxy?: Hop
  /** Present on a connection that was idle before: opens the same request anew on a fresh one, for idle connections can die unseen. */
  readonly again?: (signal: AbortSignal) => Promise<UpstreamRequest>
}

/**
 * Opens the way for one request: an idle connection of the same route, or a new one by way of the candidates. The returned request has its
 * connection and has sent nothing of the body; the caller writes the body and reads the response.
 */
export interface RequestDialer {
  open(route: Route, query: RouteQuery, request: OutgoingRequest, signal: AbortSignal): Promise<Dialed<UpstreamRequest>>
  /** Ends idle connections, and goes on. */
  dropIdle(): void
  /** Ends idle connections and keeps none from now on; those in use end with their requests. */
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
  /** Why the exchange did not bring the upstream's answer to the client, where it did not. */
  readonly error?: GatewayError
}

/** One plain-HTTP request: the exception to `Flow`, for it shares its connections with others. */
export interface RequestFlow extends RouteQuery {
  readonly id: string
  readonly door: string
  readonly protocol?: string
  readonly request: OutgoingRequest
  /** Carries the request's body out and the response back, checked in both directions. Never rejects. */
  carry(upstream: UpstreamRequest): Promise<ExchangeResult>
  reject(error: GatewayError): void
}
