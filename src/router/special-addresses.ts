import type { RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { targetFromHost } from '../wire/target.ts'
import { type Decision, direct, reject } from './decision.ts'

/** Where `host.docker.internal` and its like lead (behaviour.md §5); addresses canonical. */
export interface SpecialAddressOptions {
  readonly host: readonly string[]
  readonly gateway: readonly string[]
  readonly hostPorts: readonly { readonly from: number; readonly to: number }[]
  /**
   * Whether the addresses mean something at explicit doors too: only if our DNS has told them to anybody, for they may belong to a machine of
   * the user's network. To a captured connection they always do.
   */
  readonly byAddress: boolean
}

export interface SpecialAddresses {
  /** The decision for what a container asks of the host or the gateway, before any policy; undefined for everything else. */
  decide(query: RouteQuery): Decision | undefined
  /** What to dial instead, canonical; undefined for everything but the host, at a port that the settings allow. */
  dialled(query: RouteQuery): readonly string[] | undefined
  /** What is asked for by its other names and addresses, at the port asked for, for rules that speak of those: of the host. Undefined for everything else. */
  hostTargets(query: RouteQuery): readonly Target[] | undefined
}

/** The host's own loopback: services that listen everywhere hear there too, and those bound to loopback nowhere else. */
const LOOPBACK = ['127.0.0.1', '::1'] as const

const HOST_NAMES: ReadonlySet<string> = new Set(['host.docker.internal', 'host.fairlead.internal'])
const GATEWAY_NAMES: ReadonlySet<string> = new Set([
  'gateway.docker.internal',
  'gateway.fairlead.internal',
  'http.docker.internal',
  'http.fairlead.internal',
])

/**
 * Maps what containers call the host to the host's loopback. For containers only: a host program has its own loopback, and its resolver its own opinion
 * of these names. Of a captured connection the dialled address counts alone, for a client can write any name into its handshake.
 */
export function createSpecialAddresses(options: SpecialAddressOptions): SpecialAddresses {
  const host = new Set(options.host)
  const gateway = new Set(options.gateway)
  const kindOf = ({ scope, target, captured }: RouteQuery): 'host' | 'gateway' | undefined => {
    if (scope !== 'containers') return undefined
    const asked = captured?.dialled ?? target
    if (asked.family === 0) {
      return HOST_NAMES.has(asked.host) ? 'host' : GATEWAY_NAMES.has(asked.host) ? 'gateway' : undefined
    }
    if (!captured && !options.byAddress) return undefined
    return host.has(asked.host) ? 'host' : gateway.has(asked.host) ? 'gateway' : undefined
  }
  const isAllowed = (port: number) => options.hostPorts.some(({ from, to }) => from <= port && port <= to)
  return {
    decide(query) {
      const { port } = query.captured?.dialled ?? query.target
      switch (kindOf(query)) {
        case undefined:
          return undefined
        case 'host':
          if (isAllowed(port)) return direct('special-name', 'this is the host itself (host.docker.internal)')
          return reject('special-name', `port ${port} of the host is not among dns.hostPorts`)
        case 'gateway':
          return reject('loop', 'this is the gateway itself: ask it for the real target')
      }
    },
    dialled(query) {
      const { port } = query.captured?.dialled ?? query.target
      return kindOf(query) === 'host' && isAllowed(port) ? LOOPBACK : undefined
    },
    hostTargets(query) {
      if (kindOf(query) !== 'host') return undefined
      const { port } = query.captured?.dialled ?? query.target
      return [...HOST_NAMES, ...host].map((one) => targetFromHost(one, port))
    },
  }
}
