import { cleanText } from './clean-text.ts'
import { fieldValues } from './http-fields.ts'

/** Characters of a proxy's own words that are quoted. */
const QUOTE_LIMIT = 120

/** For a proxy that wants credentials and was given none. A PAC script's answer has no room for them, so of a proxy that it names they stand elsewhere. */
export const GIVE_CREDENTIALS_HINT =
  'Give a user name and a password in the URL of the proxy; for one that a PAC file names, in an entry of “upstreams” with its kind, host and port.'

/**
 * Whether the answer to a plain-HTTP request is the HTTP proxy's own and not the origin's: then it is a refusal of the way, and what it says is
 * answered, for people. There is no general mark; these are what proxies put on the pages that they write themselves:
 * `Proxy-Status` with an error (RFC 9209 §2.1.1), squid's `X-Squid-Error`, tinyproxy's `Server`.
 */
export function proxyRefusal(status: number, reason: string, rawFields: readonly string[]): string | undefined {
  if (status < 400) return undefined
  const mark = markOf(rawFields)
  return mark === undefined ? undefined : `${cleanText(`${status} ${reason}`, QUOTE_LIMIT)}${mark && `; ${mark}`}`
}

function markOf(rawFields: readonly string[]): string | undefined {
  const proxyStatus = fieldValues(rawFields, 'proxy-status').find((value) => /;\s*error=/i.test(value))
  if (proxyStatus !== undefined) return `Proxy-Status: ${cleanText(proxyStatus, QUOTE_LIMIT)}`
  const [squid] = fieldValues(rawFields, 'x-squid-error')
  if (squid !== undefined) return `X-Squid-Error: ${cleanText(squid, QUOTE_LIMIT)}`
  return fieldValues(rawFields, 'server').some((value) => /^tinyproxy\b/i.test(value)) ? '' : undefined
}
