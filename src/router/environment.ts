import type { Hop, RouteQuery } from '../contracts/route.ts'
import type { Scheme } from '../contracts/target.ts'
import { isLoopback } from '../wire/address.ts'
import { type ExcludeList, readExcludeList } from '../wire/exclude-list.ts'
import { quoteInput } from '../wire/quote-input.ts'
import { parseUpstreamUrl, UpstreamUrlError } from '../wire/upstream-url.ts'
import { type Decision, describeChain, describeMatch, direct, reject, throughChain } from './decision.ts'
import { isLoopbackName } from './loopback-names.ts'

/** The proxy variables of an environment, read once for each generation of the settings. */
export interface EnvironmentProxies {
  readonly http: EnvironmentProxy | undefined
  readonly https: EnvironmentProxy | undefined
  readonly noProxy: ExcludeList
  /** What could not be read, in sentences for the log, without secrets. */
  readonly problems: readonly string[]
}

interface EnvironmentProxy {
  readonly variable: string
  /** Absent: the variable is set and cannot be read. */
  readonly hop?: Hop
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as curl and Go do: lower case before upper case, empty is unset, no scheme
 * means `http://`. `HTTP_PROXY` is ignored where `REQUEST_METHOD` is set, for there a CGI client's `Proxy:` header sets it (CVE-2016-5388).
 */
export function readEnvironment(env: Environment): EnvironmentProxies {
  const problems: string[] = []
  const httpNames = env['REQUEST_METHOD'] ? ['http_proxy'] : ['http_proxy', 'HTTP_PROXY']
  const http = readProxy(env, [...httpNames, 'all_proxy', 'ALL_PROXY'], problems)
  const https = readProxy(env, ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'], problems)
  const { list: noProxy, problems: skipped } = readExcludeList(firstSet(env, ['no_proxy', 'NO_PROXY'])?.text ?? '')
  for (const { entry, message, expected } of skipped) {
    problems.push(`no_proxy: entry ${quoteInput(entry)} is ignored: ${message}; expected ${expected}`)
  }
  return { http, https, noProxy, problems: [...new Set(problems)] }
}

/** System mode. As in Go and Chromium, this host's own loopback never goes through a proxy: there it would be the proxy's. */
export function decideByEnvironment(
  environment: EnvironmentProxies,
  { target, scheme, captured }: RouteQuery,
): Decision {
  const proxy: EnvironmentProxy | undefined = environment[scheme satisfies Scheme]
  if (!proxy) return direct('environment', `no proxy variable of the environment is set for ${scheme} targets`)
  if (target.family === 0 ? isLoopbackName(target.host) : isLoopback(target.host)) {
    return direct('environment', `${target.host} is this host's loopback`)
  }
  const excluded = environment.noProxy.match(target, scheme)
  if (excluded) return direct('environment', describeMatch('no_proxy', excluded, target.host))
  const byAddress = captured && environment.noProxy.match(captured.dialled, scheme)
  if (byAddress) return direct('environment', describeMatch('no_proxy', byAddress, captured.dialled.host))
  if (!proxy.hop) return reject('environment', `${proxy.variable} is set but is not the URL of a proxy`)
  return throughChain([proxy.hop], 'environment', `${proxy.variable} is ${describeChain([proxy.hop])}`)
}

function firstSet(
  env: Environment,
  names: readonly string[],
): { readonly name: string; readonly text: string } | undefined {
  for (const name of names) {
    const text = env[name]?.trim()
    if (text) return { name, text }
  }
  return undefined
}

function readProxy(env: Environment, names: readonly string[], problems: string[]): EnvironmentProxy | undefined {
  const set = firstSet(env, names)
  if (!set) return undefined
  const { name: variable, text } = set
  try {
    return { variable, hop: parseUpstreamUrl(completeUrl(text)) }
  } catch (error) {
    if (!(error instanceof UpstreamUrlError)) throw error
    problems.push(`${variable}: ${error.message}; expected ${error.expected}`)
    return { variable }
  }
}

/** Desktops write `socks://` and mean SOCKS5. A path after the host is meaningless, and common; curl and Go pass over it. */
function completeUrl(text: string): string {
  const url = text.includes('://') ? text.replace(/^socks:/i, 'socks5:') : `http://${text}`
  return url.replace(/^([^/]*:\/\/[^/?#@]*(?:@[^/?#@]*)?)\/[^?#@]*$/, '$1')
}
