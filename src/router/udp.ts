import type { Candidate, Hop, Route, RouteQuery, Router } from '../contracts/route.ts'
import type { Scope } from '../contracts/target.ts'
import type { Access } from './access.ts'
import type { ContainerRules } from './container-rules.ts'
import { type Decision, describeChain, direct, reject, throughChain } from './decision.ts'
import { stopAtOwnHop } from './own-hop.ts'
import type { SpecialAddresses } from './special-addresses.ts'

/** What a scope's datagrams may do. `auto`: what the scope's policy says of the same target, as far as that way carries UDP. */
export type UdpRule =
  | { readonly kind: 'auto' | 'direct' | 'deny' }
  | { readonly kind: 'chain'; readonly hops: readonly Hop[] }

export interface UdpScope {
  readonly rule: UdpRule
  /** Whether UDP to port 443 goes nowhere, whatever the rule; that to the host itself does. */
  readonly refusesQuic: boolean
}

export interface UdpRouterOptions {
  readonly scopes: Readonly<Record<Scope, UdpScope>>
  /** Decides streams, and datagrams under `auto`. */
  readonly router: Router
  readonly access: Access
  /** What containers call the host and the gateway: the router decides, whatever the rule, unless that is `deny`. */
  readonly special?: Pick<SpecialAddresses, 'decide'>
  /** What one of these refuses goes nowhere, wherever the others' datagrams go. */
  readonly containerRules?: ContainerRules
  readonly generation: number
}

/** The port of HTTP/3: what goes there by UDP is QUIC. */
const QUIC_PORT = 443

/** Decides flows of datagrams. Who may reach what holds for them as for streams. */
export function createUdpRouter(options: UdpRouterOptions): Router {
  const { scopes, router, access, special, containerRules, generation } = options
  async function decide(query: RouteQuery, signal: AbortSignal): Promise<Decision> {
    const refused = access.judgeTarget(query)
    if (refused) return { decision: 'reject', candidates: [], because: refused }
    const { rule, refusesQuic } = scopes[query.scope]
    const key = `udp.${query.scope}`
    // Before QUIC: no policy holds for the host, so nothing is gained by names.
    if (rule.kind !== 'deny' && special?.decide(query)) return router.route(query, signal)
    if (refusesQuic && query.target.port === QUIC_PORT) {
      return reject('udp', 'QUIC is refused (udp.quic): browsers then use TCP, where the policy sees names')
    }
    const ruled = rule.kind === 'auto' ? undefined : containerRules?.(query)
    if (ruled?.decision === 'reject') return ruled
    switch (rule.kind) {
      case 'direct':
        return direct('udp', `${key} is direct`)
      case 'deny':
        return reject('udp', `${key} is deny`)
      case 'chain':
        return stopAtOwnHop(throughChain(rule.hops, 'udp', `${key} is ${describeChain(rule.hops)}`), query)
      case 'auto':
        return asFarAsItCarries(await router.route(query, signal))
    }
  }
  return {
    async route(query, signal): Promise<Route> {
      signal.throwIfAborted()
      return { ...(await decide(query, signal)), generation }
    },
  }
}

/**
 * Of a stream's ways out those that carry datagrams. One that does not may not be stepped over to the direct way behind it: a proxy was wanted, and
 * "direct" stood there for when it is down.
 */
function asFarAsItCarries(route: Route): Route {
  if (route.decision !== 'proxy') return route
  const deaf = route.candidates.findIndex((candidate) => !carriesPackets(candidate))
  const candidates = route.candidates.filter(
    (candidate, place) => carriesPackets(candidate) && (candidate.hops.length > 0 || deaf === -1 || place < deaf),
  )
  if (candidates.length > 0) return { ...route, candidates }
  const detail = `${route.because.detail}; only SOCKS5 proxies carry UDP, and that way has another: ${describeChain(route.candidates[0]!.hops)}`
  return { ...route, ...reject('udp', detail) }
}

/** Whether every hop knows UDP ASSOCIATE. */
export function carriesPackets({ hops }: Candidate): boolean {
  return hops.every(({ kind }) => kind === 'socks5' || kind === 'socks5h')
}
