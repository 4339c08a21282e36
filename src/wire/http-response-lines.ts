import { ResponseFault } from './http-response-fault.ts'
import type { ResponseHead } from './http-response-head.ts'
import { trimBlanks } from './trim-blanks.ts'

/** RFC 9112 §4. Which version and which status may be passed on is for `checkResponse`, and so is what the reason holds but CR. */
const STATUS_LINE = /^HTTP\/(0\.9|1\.[01]|2\.0) ([0-9]{3})(?: ([^\r]*))?$/
/** A token, a colon, and no control character but TAB (RFC 9110 §5.1, §5.5). A folded line begins with a blank, which is in no token. */
const FIELD_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/

/** `chunk`: what was being read, for the fault. */
export function readStatusLine(line: string, chunk: Buffer): Omit<ResponseHead, 'fields'> {
  const found = STATUS_LINE.exec(line)
  if (!found) {
    const why = line.startsWith('HTTP/') ? 'Invalid status line' : 'Expected HTTP/'
    throw new ResponseFault('malformed', why, chunk)
  }
  const version = found[1]!
  return {
    status: Number(found[2]),
    reason: found[3] ?? '',
    httpMajor: version.charCodeAt(0) - 0x30,
    httpMinor: version.charCodeAt(2) - 0x30,
  }
}

/** Adds name and value of one line of a head or of trailers. */
export function fieldOf(line: string, into: string[], chunk: Buffer): void {
  if (!FIELD_LINE.test(line)) throw new ResponseFault('malformed', 'Invalid header line', chunk)
  const colon = line.indexOf(':')
  into.push(line.slice(0, colon), trimBlanks(line.slice(colon + 1)))
}
