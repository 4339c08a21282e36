import type http from 'node:http'
import type { Conn } from '../../contracts/conn.ts'
import { endedByReset } from '../../system/ended-by-reset.ts'

/**
 * To Node's client every end of a connection completes an answer that has no length. If it was a reset, the answer stays incomplete here, so that its
 * `close` tells that it was cut off (RFC 9112 §8).
 */
export function keepCutAnswersIncomplete(upstream: http.ClientRequest, conn: Conn): void {
  let answer: http.IncomingMessage | undefined
  upstream.once('response', (response) => {
    answer = response
  })
  const onEnd = () => {
    if (!answer || answer.complete || !endedByReset(conn)) return
    Object.defineProperty(answer, 'complete', { get: () => false, set: () => {} })
  }
  conn.prependListener('end', onEnd) // before Node's own, which sets it
  upstream.once('close', () => conn.off('end', onEnd))
}
