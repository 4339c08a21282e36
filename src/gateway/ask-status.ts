import { request } from 'node:http'
import type { ListenAddress } from '../wire/listen-address.ts'

/** Milliseconds for the gateway to answer; it is on this machine. */
const ANSWER_MS = 3_000
/** Bytes of an answer: a hundred flows are a few dozen kilobytes. */
const MAX_ANSWER = 4 * 1024 * 1024

/** The `GatewayStatus` of the gateway that answers there, as JSON. Rejects where none does. */
export function askStatus(address: ListenAddress): Promise<string> {
  const where = address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port }
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, path: '/status', timeout: ANSWER_MS, agent: false }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > MAX_ANSWER) asked.destroy(new Error('the answer is too large'))
        chunks.push(chunk)
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'))
        else reject(new Error(`it answered ${response.statusCode}`))
      })
    })
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${ANSWER_MS} ms`)))
    asked.on('error', reject)
    asked.end()
  })
}
