import { ResponseFault } from './http-response-fault.ts'
import type { ResponseHead } from './http-response-head.ts'
import { trimBlanks } from './trim-blanks.ts'

/** RFC 9112 §4. Which version and which status may be passed on is for `checkResponse`, and so is what the reason holds but CR. */
const STATUS_LINE = /^HTTP\/(0\.9|1\.[01]|2\.0) ([0-9]{3})(?: ([^\r]*))?$/
/** A token, a colon, and no control character but TAB (RFC 9110 §5.1, §5.5). A folded line begins with a blank, which is in no token. */
const FIELD_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+/

export function readStatusLine(line: string): Omit<ResponseHead, 'fields'> {
  const found = STATUS_LINE.exec(line)
  if (!found) throw new ResponseFault('malformed', statusLineFault(line))
  const version = found[1]!
  return {
    status: Number(found[2]),
    reason: found[3] ?? '',
    httpMajor: version.charCodeAt(0) - 0x30,
    httpMinor: version.charCodeAt(2) - 0x30,
  }
}

/** Adds name and value of one line of a head or of trailers. */
export function fieldOf(line: string, into: string[]): void {
  if (!FIELD_LINE.test(line)) throw new ResponseFault('malformed', fieldLineFault(line, into.at(-2)))
  const colon = line.indexOf(':')
  into.push(line.slice(0, colon), trimBlanks(line.slice(colon + 1)))
}

function statusLineFault(line: string): string {
  if (!line.startsWith('HTTP/')) return 'Expected HTTP/'
  if (!/^HTTP\/(?:0\.9|1\.[01]|2\.0)(?: |$)/.test(line))
    return `Unknown version in the status line: ${line.split(' ', 1)[0]}`
  if (!/^[^ ]+ [0-9]{3}(?: |$)/.test(line)) return 'Status line without three digits between one blank and the next'
  return 'Invalid character in the status line'
}

/** Names only: values can be secrets, and in a line that is no field the value can be anywhere. `before`: the field before it. */
function fieldLineFault(line: string, before: string | undefined): string {
  const behind = before === undefined ? 'the status line' : `"${before}"`
  if (/^[\t ]/.test(line)) return `Folded line behind ${behind}`
  const token = TOKEN.exec(line)?.[0] ?? ''
  if (!line.includes(':')) return `Field line without a colon behind ${behind}`
  if (line[token.length] === ':')
    return token === '' ? `Field line without a name behind ${behind}` : `Invalid character in the value of "${token}"`
  return token === ''
    ? `Invalid character in a field name behind ${behind}`
    : `Invalid character behind "${token}" in a field name`
}
