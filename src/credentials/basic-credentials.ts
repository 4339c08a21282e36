export interface BasicCredentials {
  readonly username: string
  readonly password: string
}

/**
 * The value of `Authorization` or `Proxy-Authorization` as RFC 7617 reads it: scheme in any case, user name up to the first colon,
 * UTF-8. Undefined for another scheme, for what is not canonical Base64, not UTF-8, or holds control characters (§2).
 */
export function parseBasicCredentials(headerValue: string): BasicCredentials | undefined {
  if (headerValue.length > MAX_HEADER_CHARS) return undefined
  const token = /^basic +([a-z0-9+/]+={0,2})$/i.exec(headerValue.trim())?.[1]
  if (token === undefined) return undefined
  const bytes = Buffer.from(token, 'base64')
  // Buffer ignores what it cannot read; writing the bytes again shows whether it ignored anything. Padding may be missing.
  if (bytes.toString('base64').replace(/=+$/, '') !== token.replace(/=+$/, '')) return undefined
  const text = decodeUtf8(bytes)
  const colon = text?.indexOf(':') ?? -1
  if (text === undefined || colon < 0 || /[\x00-\x1f\x7f]/.test(text)) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** Characters of a header value worth decoding: far more than RFC 1929's 255 bytes for each part, and little work for a hostile client. */
const MAX_HEADER_CHARS = 4096

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
