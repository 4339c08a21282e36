import type http from 'node:http'
import type { Conn } from '../../contracts/conn.ts'

/**
 * Node's client no longer says `drain` once an answer is complete, also where its request is not: who answers first may read on (RFC 9110 §7.5).
 * To say it once too often does no harm.
 */
export function passLateDrain(upstream: http.ClientRequest, conn: Conn): void {
  const onDrain = () => void upstream.emit('drain')
  upstream.once('response', () => conn.on('drain', onDrain))
  upstream.once('close', () => conn.off('drain', onDrain))
}
