import type http from 'node:http'
import type { RelayCounts } from '../../contracts/relay.ts'
import type { UpstreamAnswer } from '../../contracts/request.ts'
import { safeTrailers } from '../../wire/http-fields.ts'
import { pairs } from './node-messages.ts'

export interface PassBodyParts {
  readonly response: http.ServerResponse
  readonly counts: RelayCounts
}

/** Passes the body of an answer on as it comes, at the client's pace. `isSettled`: nobody wants the rest. `onCut`: it has ended too early. */
export function passBody(
  answer: UpstreamAnswer,
  { response, counts }: PassBodyParts,
  isSettled: () => boolean,
  onCut: () => void,
): void {
  answer.on('data', (chunk: Buffer) => {
    counts.bytesDown += chunk.length
    if (!response.write(chunk)) answer.pause()
  })
  response.on('drain', () => answer.resume())
  answer.on('end', () => {
    if (isSettled() || !answer.complete) return
    const trailers = safeTrailers(answer.rawTrailers)
    if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(trailers) as never)
    response.end()
  })
  answer.on('close', () => {
    if (!answer.complete) onCut()
  })
}
