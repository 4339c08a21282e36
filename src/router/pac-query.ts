import type { PacQuery } from '../contracts/pac.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { DEFAULT_PORTS, formatAuthority, formatHost } from '../wire/target.ts'

/**
 * What the script sees. Containers: `scheme://host:port`, the port always there and never a path, as the reference product has it. Host:
 * as Chromium, the whole URL for http, only the origin for https, default ports left out. `host` is without brackets in both.
 * A `RouteQuery` has no user information and no fragment, so neither can appear.
 */
export function pacQuery({ target, scheme, scope, path = '/', trace = false }: RouteQuery): PacQuery {
  const asked = { host: target.host, ...(trace ? { trace } : {}) }
  if (scope === 'containers') return { ...asked, url: `${scheme}://${formatAuthority(target)}` }
  const isDefaultPort = target.port === DEFAULT_PORTS[scheme]
  const authority = isDefaultPort ? formatHost(target.host) : formatAuthority(target)
  const visiblePath = scheme === 'http' && path.startsWith('/') ? asBrowserWrites(path) : '/'
  return { ...asked, url: `${scheme}://${authority}${visiblePath}` }
}

/** What the URL standard's parser changes in a path or query: dot segments (`%2e` too), backslashes, characters that it encodes. All else it leaves. */
const NOT_AS_IT_STANDS = /[^!-~]|["#'<>\\^`{|}]|\/(?:\.|%2e)/i

/**
 * The path as a browser would have it, for the script alone: a rule for `/public/*` must not hold for `/public/../private`, which servers read as `/private`. What is
 * percent-encoded stays so, but for dots of such segments, as in browsers.
 */
function asBrowserWrites(path: string): string {
  if (!NOT_AS_IT_STANDS.test(path)) return path
  // A request's bytes outside ASCII are what they are; the parser would take them for characters, and encode those.
  const ascii = path.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
  const url = new URL(`http://host${ascii}`)
  url.hash = ''
  return url.href.slice('http://host'.length)
}
