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
  const visiblePath = scheme === 'http' && path.startsWith('/') ? path : '/'
  return { ...asked, url: `${scheme}://${authority}${visiblePath}` }
}
