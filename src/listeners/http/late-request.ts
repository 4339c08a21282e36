import type http from 'node:http'
import type { Clock } from '../../contracts/clock.ts'
import type { GatewayError } from '../../contracts/gateway-error.ts'
import type { RelayCounts } from '../../contracts/relay.ts'
import type { UpstreamRequest } from '../../contracts/request.ts'
import type { ForwardRequest } from '../../wire/http-request-head.ts'
import { type CheckedResponse, persists, type ResponseHead } from '../../wire/http-response-head.ts'
import type { ClientConnection } from './client-connection.ts'
import type { HttpDoorLimits } from './limits.ts'

/** How to end the requests of a door whose clients have left them to it: no connection of the door stands for them any more. */
export type LeftBehind = Set<(reason: GatewayError) => void>

export interface LateRequestParts {
  readonly connection: ClientConnection
  readonly request: http.IncomingMessage
  readonly forward: ForwardRequest
  /** Of body bytes, from zero. */
  readonly counts: RelayCounts
  readonly clock: Clock
  readonly limits: HttpDoorLimits
  readonly leftBehind: LeftBehind
  /** The door is closing: no more requests on this connection. */
  readonly lastRequest: () => boolean
}

/**
 * Whether the request goes on behind its answer. A final answer may come before the end of its request (RFC 9110 §7.5), and does not say that
 * the rest is not wanted; an end of the connection does.
 */
export function goesOnBehind(
  { framing }: CheckedResponse,
  head: ResponseHead,
  upstream: UpstreamRequest,
  { forward, counts, request }: LateRequestParts,
): boolean {
  // Who was not told to continue may send the body all the same, or the next request: nobody can tell them apart.
  const isUnclear = forward.expectsContinue && counts.bytesUp === 0
  // Whose answer ends with the connection waits for that end, perhaps with the rest of its request.
  const endsByClose = framing.kind === 'until-close' || (framing.kind === 'chunked' && request.httpVersionMinor === 0)
  return !upstream.writableEnded && !isUnclear && !endsByClose && persists(head)
}

/** To an answer whose request is not whole. Behind a "no", and behind a "not here", nobody needs the rest. */
export function saysYes(status: number): boolean {
  return status < 300
}

/** Such requests of a door at once: no limit on its connections counts them. */
const MAX_LEFT_BEHIND = 256

/** The client has left, or what it sends is no request, with all of the answer and behind all of its request: what is left of that is on its way. */
export function isWholeWithout({ code }: GatewayError, { request, leftBehind }: LateRequestParts): boolean {
  if (leftBehind.size >= MAX_LEFT_BEHIND) return false
  return (code === 'CLIENT_GONE' || code === 'BAD_REQUEST') && request.complete
}

/** Waits for the end of such a request, which the door's own comes before. Answers how to wait no longer. */
export function goOnWithout(
  { clock, limits, leftBehind }: LateRequestParts,
  onDoorEnds: (reason: GatewayError) => void,
  onIdle: () => void,
): () => void {
  leftBehind.add(onDoorEnds)
  const cancel = clock.after(limits.idleMs, onIdle)
  return () => {
    leftBehind.delete(onDoorEnds)
    cancel()
  }
}

/** Node took the connection for one that waits for its next request. */
export function awaitRest({ connection, limits }: LateRequestParts): void {
  connection.socket.setTimeout(limits.idleMs)
}

/** And now it is one, unless the next came together with the rest: then Node has set that one's time already, and ends the connection behind its answer. */
export function awaitNext({ connection, limits, lastRequest }: LateRequestParts): void {
  if (connection.outstanding > 1) return
  connection.socket.setTimeout(limits.keepAliveMs)
  if (lastRequest()) connection.socket.destroySoon()
}
