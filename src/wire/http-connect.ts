import type { Target } from '../contracts/target.ts'
import { cleanText } from './clean-text.ts'
import { guessProtocol } from './guess-protocol.ts'
import { formatAuthority } from './target.ts'
import { trimBlanks } from './trim-blanks.ts'

/** The reply to a CONNECT request, as far as it matters: everything after the head is the tunnel or an error page. */
export interface ConnectReply {
  readonly status: number
  readonly reason: string
  /** Name in lower case, value trimmed, in order, repeats kept. */
  readonly fields: readonly (readonly [name: string, value: string])[]
}

export type ConnectReplyStep =
  | { readonly kind: 'more' }
  | { readonly kind: 'reply'; readonly reply: ConnectReply; readonly rest: Buffer }
  /** `why` completes the sentence "the proxy …". */
  | { readonly kind: 'bad'; readonly why: string }

export interface ConnectReplyParser {
  push(chunk: Buffer): ConnectReplyStep
  /** Whether any byte has come; tells "closed without an answer" from "cut off in the middle". */
  readonly begun: boolean
}

/** Bytes for the heads of all replies, interim ones included. Real ones are under 2 KiB; Negotiate tokens take up to 64 KiB. */
export const CONNECT_REPLY_LIMIT_BYTES = 64 * 1024
/** 1xx replies before the final one. RFC 9110 §15.2 sets no limit; nobody sends more than one or two. */
const INTERIM_LIMIT = 8

const MORE: ConnectReplyStep = { kind: 'more' }
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: (.*))?$/
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110 §5.5: a field value or a reason phrase holds no control character but TAB. */
const FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]/
const VERSION_PREFIX = Buffer.from('HTTP/1.')

/** The CONNECT request (RFC 9110 §9.3.6), complete. `authorization` is the value of Proxy-Authorization. */
export function formatConnectRequest(target: Target, userAgent: string, authorization?: string): string {
  const authority = formatAuthority(target)
  const credentials = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: ${userAgent}\r\n${credentials}\r\n`
}

/**
 * Reads replies to CONNECT strictly and incrementally: CRLF only, no folded lines, no control characters, HTTP/1.x only.
 * Interim replies are skipped. Content-Length and Transfer-Encoding of a 2xx mean nothing (RFC 9110 §9.3.6), so they are not looked at.
 */
export function createConnectReplyParser(limitBytes = CONNECT_REPLY_LIMIT_BYTES): ConnectReplyParser {
  let pending: Buffer = Buffer.alloc(0)
  let budget = limitBytes
  let interim = 0
  let begun = false

  return {
    get begun() {
      return begun
    },
    push(chunk) {
      begun ||= chunk.length > 0
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      for (;;) {
        const prefix = pending.subarray(0, VERSION_PREFIX.length)
        if (!prefix.equals(VERSION_PREFIX.subarray(0, prefix.length))) return bad(notHttp(pending))
        const end = pending.indexOf('\r\n\r\n')
        if (end === -1 ? pending.length >= budget : end + 4 > budget) {
          return bad(`sent a reply head longer than ${limitBytes} bytes`)
        }
        if (end === -1) {
          // A head that ends in bare LFs would otherwise look like one that never ends.
          return pending.includes('\n\n') ? bad('sent a reply head whose lines do not end in CR LF') : MORE
        }
        const reply = parseHead(pending.toString('latin1', 0, end))
        if (typeof reply === 'string') return bad(reply)
        budget -= end + 4
        pending = pending.subarray(end + 4)
        if (reply.status === 101) return bad('answered CONNECT with 101 Switching Protocols')
        if (reply.status >= 200) return { kind: 'reply', reply, rest: pending }
        interim += 1
        if (interim > INTERIM_LIMIT) return bad(`sent more than ${INTERIM_LIMIT} interim replies`)
        if (pending.length === 0) return MORE
      }
    },
  }
}

/** The values of all fields called `name` (lower case), joined as RFC 9110 §5.3 allows. */
export function fieldValue(reply: ConnectReply, name: string): string | undefined {
  const values = reply.fields.filter(([candidate]) => candidate === name).map(([, value]) => value)
  return values.length === 0 ? undefined : values.join(', ')
}

/** A reply, or why it is none. */
function parseHead(head: string): ConnectReply | string {
  const [statusLine, ...lines] = head.split('\r\n')
  const status = STATUS_LINE.exec(statusLine ?? '')
  if (status === null || FORBIDDEN.test(statusLine ?? '')) {
    return `sent a malformed status line: ${cleanText(statusLine ?? '', 60)}`
  }
  const fields: [string, string][] = []
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    if (!FIELD_NAME.test(name) || FORBIDDEN.test(line)) return `sent a malformed header line: ${cleanText(line, 60)}`
    fields.push([name.toLowerCase(), trimBlanks(line.slice(colon + 1))])
  }
  return { status: Number(status[1]), reason: status[2] ?? '', fields }
}

function notHttp(bytes: Buffer): string {
  const guess = guessProtocol(bytes)
  return guess === undefined ? 'did not answer in HTTP/1' : `did not answer in HTTP/1; it looks like ${guess}`
}

function bad(why: string): ConnectReplyStep {
  return { kind: 'bad', why }
}
