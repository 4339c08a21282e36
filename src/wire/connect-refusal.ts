import { cleanText } from './clean-text.ts'
import { type ConnectReply, fieldValue } from './http-connect.ts'

/** Bytes of an error page that are looked at. A title or a sentence of plain text is in the first few hundred. */
export const REFUSAL_BODY_LIMIT_BYTES = 4096
/** Characters of each thing quoted. The whole of `said` stays under 400, so that it fits on a screen and in a log line. */
const QUOTE_LIMIT = 120

/** What a proxy said when it refused, for people: status line, the fields that proxies explain themselves in, the page's title or text. */
export function describeRefusal(reply: ConnectReply, body: Buffer): string {
  const parts = [cleanText(`${reply.status} ${reply.reason}`, QUOTE_LIMIT)]
  for (const name of ['proxy-status', 'x-squid-error']) {
    const value = fieldValue(reply, name)
    if (value)
      parts.push(`${name === 'proxy-status' ? 'Proxy-Status' : 'X-Squid-Error'}: ${cleanText(value, QUOTE_LIMIT)}`)
  }
  const excerpt = pageExcerpt(reply, body)
  if (excerpt) parts.push(`"${excerpt}"`)
  return parts.join('; ')
}

/** Challenges looked at. There are five schemes in use, and proxies offer two or three of them. */
const CHALLENGE_LIMIT = 16

/** The schemes of all Proxy-Authenticate challenges: `Basic, NTLM`. Parameters are dropped; a realm can hold anything. */
export function offeredSchemes(reply: ConnectReply): readonly string[] {
  const challenges = reply.fields.filter(([name]) => name === 'proxy-authenticate').slice(0, CHALLENGE_LIMIT)
  const schemes = new Set<string>()
  for (const [, value] of challenges) {
    // RFC 9110 §11.6.1: challenges are comma-separated, and so are their parameters; a scheme is a token not followed by "=".
    // A quote that is never closed goes to the end: looking for its partner once for each quote would take long.
    const unquoted = value.slice(0, 2048).replace(/"(?:[^"\\]|\\.?)*(?:"|$)/g, '""')
    for (const part of unquoted.split(',').slice(0, CHALLENGE_LIMIT)) {
      const scheme = /^\s*([A-Za-z][\w.+-]*)(?:\s+[^=\s]|\s*$)/.exec(part)?.[1]
      if (scheme) schemes.add(scheme)
    }
  }
  return [...schemes].slice(0, CHALLENGE_LIMIT)
}

/** Whether a body is worth waiting for: only text is ever quoted. */
export function hasTextBody(reply: ConnectReply): boolean {
  return /^text\//i.test(fieldValue(reply, 'content-type') ?? '') && fieldValue(reply, 'content-length') !== '0'
}

function pageExcerpt(reply: ConnectReply, body: Buffer): string | undefined {
  if (!hasTextBody(reply) || fieldValue(reply, 'content-encoding') !== undefined) return undefined
  const chunked = /chunked/i.test(fieldValue(reply, 'transfer-encoding') ?? '')
  const text = body.toString('latin1', 0, REFUSAL_BODY_LIMIT_BYTES)
  const payload = chunked ? text.replace(/(^|\r\n)[0-9a-fA-F]{1,8}(;[^\r\n]*)?\r\n/g, '') : text
  if (!/html/i.test(fieldValue(reply, 'content-type') ?? '')) return cleanText(payload, QUOTE_LIMIT)
  return cleanText(/<title[^>]{0,200}>([^<]{1,1000})/i.exec(payload)?.[1] ?? '', QUOTE_LIMIT)
}
