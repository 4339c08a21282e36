import type { ClientRequest } from 'node:http'
import type { Dialed } from './dialer.ts'
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
