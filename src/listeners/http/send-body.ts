import type http from 'node:http'
import type { RelayCounts } from '../../contracts/relay.ts'
import type { UpstreamRequest } from '../../contracts/request.ts'
import { safeTrailers } from '../../wire/http-fields.ts'
import type { ForwardRequest } from '../../wire/http-request-head.ts'
import { pairs } from './node-messages.ts'

export interface SendBodyParts {
  readonly request: http.IncomingMessage
  readonly forward: ForwardRequest
  readonly counts: RelayCounts
}

/** Sends the head, and the body as it comes from the client, at the upstream's pace. `isSettled`: nobody wants the rest. */
export function sendBody(upstream: UpstreamRequest, parts: SendBodyParts, isSettled: () => boolean): void {
  const { request, forward, counts } = parts
  if (forward.framing.kind === 'none') {
    upstream.end()
    return
  }
  if (forward.expectsContinue) upstream.flushHeaders()
  else {
    // Who sends the body only after the answer, or bit by bit, would wait for an origin that has heard of nothing. What has come by the end of
    // this turn still goes out together with the head, in one packet.
    setImmediate(() => {
      if (counts.bytesUp === 0 && !isSettled() && !upstream.destroyed && !upstream.writableEnded)
        upstream.flushHeaders()
    })
  }
  request.on('data', (chunk: Buffer) => {
    counts.bytesUp += chunk.length
    if (!upstream.write(chunk)) request.pause()
  })
  upstream.on('drain', () => request.resume())
  request.on('error', () => {}) // the client left in the middle of its body; `abort` follows
  request.on('end', () => {
    if (isSettled()) return
    const trailers = safeTrailers(request.rawTrailers)
    if (trailers.length > 0 && forward.framing.kind === 'chunked') upstream.addTrailers(pairs(trailers))
    upstream.end()
  })
}
