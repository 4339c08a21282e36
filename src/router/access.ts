import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Because, Client, RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { embeddedIpv4, isCloudMetadata, isLinkLocal, isLoopback, isUnspecified, parseAddress } from '../wire/address.ts'
import { type ExcludeList, excludeListOf } from '../wire/exclude-list.ts'
import { formatAuthority } from '../wire/target.ts'
import { describeMatch } from './decision.ts'
import { isLoopbackName } from './loopback-names.ts'
import { createOwnEndpoints, type Endpoint } from './own-endpoints.ts'

/** Who may reach what, whatever way out the policy chooses. */
export interface Access {
  /** Judges what was asked for: an address, or a name by the rules on names. Undefined: may go. */
  judgeTarget(query: RouteQuery): Because | undefined
  /**
   * Judges one address that a direct route is about to dial, after the name was resolved. `query` is absent for dials on the gateway's own
   * account (an upstream, a PAC file), for which only its own ports are refused.
   */
  judgeAddress(address: string, port: number, query: RouteQuery | undefined): GatewayError | undefined
  /** Whether a connection there would come back to the gateway itself. `address` is canonical. */
  isOwnEndpoint(address: string, port: number): boolean
}

export interface ClosedNetwork {
  readonly name: string
  /** The client is in it, and it keeps its containers from each other. Absent: the client is outside it. */
  readonly parted?: true
}

export interface AccessOptions {
  readonly allow: ExcludeList
  readonly deny: ExcludeList
  readonly ownEndpoints: () => readonly Endpoint[]
  readonly clock: Clock
  /** Addresses that a query leads to instead of its own: it may reach them although they are loopback. */
  readonly leadsTo?: (query: RouteQuery) => readonly string[] | undefined
  /** The container network that an address is in and the client has no way to. Absent: there are none. */
  readonly closedNetwork?: (address: string, client: Client) => ClosedNetwork | undefined
  /** The host's own addresses; default: those of its interfaces. */
  readonly localAddresses?: () => readonly string[]
}

/**
 * `deny` beats `allow`; `allow` makes exceptions to the built-in refusals. The gateway's own ports are opened only by an entry with that
 * port: a block that happens to hold the gateway's address must not make it a client of itself.
 */
export function createAccess(options: AccessOptions): Access {
  const { allow, deny, clock } = options
  const allowWithPort = excludeListOf(allow.rules.filter((rule) => rule.port !== undefined))
  const isOwnEndpoint = createOwnEndpoints({ ...options, endpoints: options.ownEndpoints, clock })

  /** `asked` are the forms in which lists may name the place; `addresses` are what would be connected to. */
  function judge(asked: readonly Target[], addresses: readonly string[], query: RouteQuery): Because | undefined {
    // A client can write any name: one that nothing else speaks for must not open what its address does not.
    const vouched = query.captured?.unverified ? asked.filter(({ family }) => family !== 0) : asked
    const matches = (list: ExcludeList) => vouched.some((target) => list.match(target, query.scheme))
    for (const target of asked) {
      const denied = deny.match(target, query.scheme)
      if (denied) return { source: 'access', detail: describeMatch('access.deny', denied, target.host) }
    }
    const { port } = query.target
    const own = addresses.find((address) => isOwnEndpoint(address, port))
    if (own !== undefined && !matches(allowWithPort)) {
      return { source: 'loop', detail: `${formatAuthority({ ...query.target, host: own })} is the gateway itself` }
    }
    const led = options.leadsTo?.(query) ?? []
    const reason = firstReason(
      query,
      addresses.filter((address) => !led.includes(address)),
      options.closedNetwork,
    )
    return reason === undefined || matches(allow) ? undefined : { source: 'access', detail: reason }
  }

  return {
    isOwnEndpoint,
    judgeTarget(query) {
      const { target, captured } = query
      if (captured && target.family === 0) {
        const addresses = [...withEmbedded(captured.dialled.host), ...loopbackOf(target.host)]
        return judge([target, ...formsOf(captured.dialled)], addresses, query)
      }
      if (target.family !== 0) return judge(formsOf(target), withEmbedded(target.host), query)
      return judge([target], loopbackOf(target.host), query)
    },
    judgeAddress(address, port, query) {
      const parsed = parseAddress(address)
      if (!parsed) return refusal({ source: 'access', detail: 'what the resolver gave is no plain IP address' })
      const target = { host: parsed.address, family: parsed.family, port }
      if (!query) {
        if (!isOwnEndpoint(target.host, port)) return undefined
        return new GatewayError('LOOP_DETECTED', `${formatAuthority(target)} is the gateway itself`, {
          hint: 'A proxy setting of the gateway (proxy, the PAC file, HTTPS_PROXY) names the gateway: point it at the upstream proxy.',
        })
      }
      const asked = query.target.family === 0 ? [query.target, ...formsOf(target)] : formsOf(target)
      const because = judge(asked, withEmbedded(target.host), { ...query, target: { ...query.target, port } })
      return because && refusal(because)
    },
  }
}

function loopbackOf(name: string): readonly string[] {
  return isLoopbackName(name) ? ['127.0.0.1', '::1'] : []
}

function withEmbedded(address: string): readonly string[] {
  const embedded = embeddedIpv4(address)
  return embedded === undefined ? [address] : [address, embedded]
}

function formsOf(target: Target): readonly Target[] {
  const embedded = embeddedIpv4(target.host)
  return embedded === undefined ? [target] : [target, { host: embedded, family: 4, port: target.port }]
}

/** Names under which cloud providers serve the machine's credentials; where a proxy resolves them, no address is ever seen here. */
const METADATA_NAMES: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal',
])

function firstReason(
  { target, client }: RouteQuery,
  addresses: readonly string[],
  closedNetwork: AccessOptions['closedNetwork'],
): string | undefined {
  if (METADATA_NAMES.has(target.host)) return `${target.host} is a cloud metadata service`
  for (const address of addresses) {
    const reason = builtInReason(address, client)
    if (reason !== undefined) return reason
    const network = client.local ? undefined : closedNetwork?.(address, client)
    if (network)
      return `${address} is in the container network ${network.name}, ${network.parted ? 'whose containers the engine keeps from each other' : 'and the client is outside it'}`
  }
  return undefined
}

function builtInReason(address: string, client: Client): string | undefined {
  if (isCloudMetadata(address)) return `${address} is a cloud metadata service`
  if (isLinkLocal(address)) return `${address} is a link-local address`
  if (client.local || !(isLoopback(address) || isUnspecified(address))) return undefined
  return `${address} is the gateway's own loopback, and the client is on another machine`
}

function refusal({ source, detail }: Because): GatewayError {
  if (source === 'loop') {
    const hint = 'Ask for the real target, not for the address of the gateway.'
    return new GatewayError('LOOP_DETECTED', detail, { hint })
  }
  const hint =
    'If this is wanted, whoever runs the gateway can allow it under access.allow, unless access.deny names it.'
  return new GatewayError('ACCESS_DENIED', detail, { hint })
}
