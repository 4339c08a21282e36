import type { Conn } from './conn.ts'
import type { GatewayError } from './gateway-error.ts'
import type { Candidate, Route, RouteQuery } from './route.ts'
import type { Target } from './target.ts'

/**
 * Opens a stream to a target. Dialers nest: a proxy hop is a dialer over the dialer that reaches the proxy, and a chain is a fold,
 * `hops.reduce((inner, hop) => over(hop, inner), direct)`.
 *
 * Contract (`test/contract/stream-dialer.ts`): rejects with a `GatewayError` only; on abort rejects with `signal.reason` where that is a
 * `GatewayError` and leaves nothing open; bytes the far side sent early are delivered; half-close holds both ways.
 */
export interface StreamDialer {
  dial(target: Target, context: DialContext): Promise<Conn>
}

export interface DialContext {
  /** Carries the deadline too: whoever sets one aborts with a `GatewayError`. */
  readonly signal: AbortSignal
  /** Who asks; the direct dialer judges resolved addresses by it. Absent for dials on the gateway's own account. */
  readonly query?: RouteQuery
  /** As of the `Candidate`. */
  readonly addresses?: readonly string[]
  /** Connects to addresses of the target that were made for this client a moment ago, in vain: none of these is made again. */
  readonly failed?: readonly FailedConnect[]
}

/** A connect(2) that came to nothing. */
export interface FailedConnect {
  readonly address: string
  readonly error: NodeJS.ErrnoException
}

/** What has been tried for a client before it came here. */
export interface BegunDial {
  /** Since when, in monotonic milliseconds: the deadline counts from there. */
  readonly since: number
  /** As of `DialContext`. */
  readonly failed: readonly FailedConnect[]
}

/** A candidate that was tried and did not come about. */
export interface FailedAttempt {
  readonly candidate: Candidate
  readonly error: GatewayError
}

/** A candidate that is tried last, for it failed lately. */
export interface PassedOver extends FailedAttempt {
  /** Milliseconds for which that holds from now on. */
  readonly forMs: number
}

/** The way out that came about, and the ones that did not. */
export interface Dialed<T> {
  readonly value: T
  readonly candidate: Candidate
  readonly failed: readonly FailedAttempt[]
  /** Stand before it in the route, and were not tried this time. */
  readonly passedOver?: readonly PassedOver[]
}

/**
 * Walks a route's candidates in order under one absolute deadline, remembering failures for a bounded time.
 * Tunnels and plain-HTTP requests share it; they differ in what one attempt does.
 * Rejects with the `GatewayError` of a `reject` route, of the last attempt, or of the deadline, with `attempts` filled in.
 */
export interface CandidateWalk {
  walk<T>(
    route: Route,
    signal: AbortSignal,
    attempt: (candidate: Candidate, signal: AbortSignal) => Promise<T>,
    /** From when the deadline counts, in monotonic milliseconds; default: from now. */
    since?: number,
  ): Promise<Dialed<T>>
  /** All that are tried last at the moment. */
  passedOver?(): readonly PassedOver[]
  /** Another network: what failed in the old one is tried in its turn again. */
  forgetFailures?(): void
}

/** The middle's view of `dialers/`: a route in, an open stream out. */
export interface Dialers {
  dial(route: Route, query: RouteQuery, signal: AbortSignal, begun?: BegunDial): Promise<Dialed<Conn>>
}
