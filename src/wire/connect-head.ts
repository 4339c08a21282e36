import type { RequestHead } from './http-request-head.ts'
import { trimBlanks } from './trim-blanks.ts'

/** A complete head, and the bytes it took. */
export interface ConnectHead {
  readonly head: RequestHead
  readonly length: number
}

/** `CONNECT` and the space after it. */
const METHOD = Buffer.from('CONNECT ')
const REQUEST_LINE = /^CONNECT ([!-~]+) HTTP\/1\.([01])$/
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Of what RFC 9110 §5.5 allows only printable ASCII, which is all that is ever sent with CONNECT. */
const FIELD_VALUE = /^[ -~]*$/

/**
 * Reads the head of a CONNECT in its everyday form, whole and in the first bytes of a connection. `undefined` for everything else: what is
 * incomplete, longer than `limit` bytes, malformed or merely unusual is for the complete HTTP parser, which also has the words for it.
 */
export function readConnectHead(bytes: Buffer, limit: number): ConnectHead | undefined {
  if (bytes.length < METHOD.length || METHOD.compare(bytes, 0, METHOD.length) !== 0) return undefined
  const end = bytes.indexOf('\r\n\r\n', METHOD.length, 'latin1')
  if (end < 0 || end + 4 > limit) return undefined
  const lines = bytes.toString('latin1', 0, end).split('\r\n')
  const [, url, minor] = REQUEST_LINE.exec(lines[0]!) ?? []
  if (url === undefined) return undefined
  const fields: string[] = []
  for (let line = 1; line < lines.length; line += 1) {
    const text = lines[line]!
    const colon = text.indexOf(':')
    const name = text.slice(0, Math.max(colon, 0))
    const value = text.slice(colon + 1)
    if (!FIELD_NAME.test(name) || !FIELD_VALUE.test(value)) return undefined
    fields.push(name, trimBlanks(value))
  }
  return { head: { method: 'CONNECT', url, httpMajor: 1, httpMinor: Number(minor), fields }, length: end + 4 }
}
