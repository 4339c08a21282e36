import { ResponseFault } from '../../wire/http-response-fault.ts'
import { ResponseReader, type ResponseSink } from '../../wire/http-response-reader.ts'

export type Fault = Pick<ResponseFault, 'kind' | 'bytes'> & { readonly why: string }

/** What was wrong with the bytes of an answer; `undefined` where it was the connection. */
export function faultOf(thrown: Error & { code?: string; reason?: string; rawPacket?: Buffer }): Fault | undefined {
  if (thrown instanceof ResponseFault) return { kind: thrown.kind, why: thrown.message, bytes: thrown.bytes }
  const { code, rawPacket } = thrown
  if (!code?.startsWith('HPE_')) return undefined
  if (code === 'HPE_HEADER_OVERFLOW') return { kind: 'too-large', why: thrown.message, bytes: undefined }
  const begins = rawPacket?.toString('latin1', 0, 5) === 'HTTP/'
  const reread = rawPacket && begins ? faultIn(rawPacket) : undefined
  if (reread) return { kind: reread.kind, why: reread.message, bytes: undefined }
  // What has spoken HTTP is not guessed to be something else: its bytes can be from the middle of an answer.
  const bytes = code === 'HPE_INVALID_CONSTANT' && !begins ? rawPacket : undefined
  return { kind: 'malformed', why: thrown.reason ?? thrown.message, bytes }
}

/** Node's parser does not say which line it was, so what it has read is read again. */
function faultIn(packet: Buffer): ResponseFault | undefined {
  try {
    new ResponseReader(NOBODY, 'GET', packet.length).push(packet)
    return undefined
  } catch (thrown) {
    return thrown instanceof ResponseFault ? thrown : undefined
  }
}

const NOBODY: ResponseSink = { interim() {}, head() {}, data() {}, over() {} }
