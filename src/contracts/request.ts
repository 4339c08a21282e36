import type { IncomingMessage, InformationEvent } from 'node:http'
import type { Socket } from 'node:net'
import type { Dialed } from './dialer.ts'
import type { GatewayError } from './gateway-error.ts'
import type { RelayCounts, RelayEnd } from './relay.ts'
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

/** A final answer as it comes: what the door needs of Node's `IncomingMessage`. It flows as soon as somebody listens to `data`. */
export interface UpstreamAnswer {
  readonly statusCode?: number | undefined
  readonly statusMessage?: string | undefined
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly rawHeaders: readonly string[]
  /** Once it is complete. */
  readonly rawTrailers: readonly string[]
  /** All of it has come. `close` without that: it was cut off. */
  readonly complete: boolean
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  pause(): unknown
  resume(): unknown
}

/**
 * A request that has its connection: what the door needs of Node's `ClientRequest`. The head goes out with the first byte of the body, or with
 * `end`, or alone with `flushHeaders`, once and before these; `finish` says that everything has been handed to the system. `close` without an
 * answer and without an error: it answered 101.
 */
export interface UpstreamRequest {
  on(event: 'information', listener: (info: InformationEvent) => void): unknown
  on(event: 'response', listener: (answer: UpstreamAnswer) => void): unknown
  /** Only of requests with `upgrade`. */
  on(event: 'upgrade', listener: (answer: IncomingMessage, conn: Socket, head: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'finish' | 'drain' | 'close', listener: () => void): unknown
  readonly destroyed: boolean
  readonly writableEnded: boolean
  readonly writableFinished: boolean
  flushHeaders(): void
  /** False: wait for `drain`. */
  write(chunk: Buffer): boolean
  addTrailers(fields: readonly [string, string][]): void
  end(): unknown
  /** Gives the connection up too. */
  destroy(): unknown
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
  /** `lifetime` only after an upgrade. */
  readonly ended: RelayEnd
  /** Why the exchange did not bring the upstream's answer to the client, where it did not. */
  readonly error?: GatewayError
}

/** One plain-HTTP request: the exception to `Flow`, for it shares its connections with others. */
export interface RequestFlow extends RouteQuery {
  readonly id: string
  readonly door: string
  readonly protocol?: string
  readonly request: OutgoingRequest
  /** Carries the request's body out and the response back, checked in both directions; `counts` grow meanwhile. Never rejects. */
  carry(upstream: UpstreamRequest, counts: RelayCounts): Promise<ExchangeResult>
  reject(error: GatewayError): void
}
