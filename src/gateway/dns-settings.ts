import { droppedFamilies, type Reach } from '../dns/inhibition.ts'
import type { ProbeTarget } from '../dns/reach-probe.ts'
import { createSpecialAddresses, type SpecialAddresses } from '../router/special-addresses.ts'
import type { DnsSettings, Settings } from '../settings/settings.ts'
import { type InterfaceAddress, interfaceAddresses } from '../system/interface-addresses.ts'
import { inBlocks } from '../wire/ip-block.ts'

/** What containers call the host and the gateway, as the settings have it. */
export function specialAddressesOf({ dns }: Pick<Settings, 'dns'>): SpecialAddresses {
  return createSpecialAddresses({
    host: dns.hostAddress,
    gateway: dns.gatewayAddress,
    hostPorts: dns.hostPorts,
    byAddress: dns.listen.length > 0,
  })
}

/** Whether what is left out hangs on what the host reaches. */
export function needsProbe({ listen, mode, inhibition }: DnsSettings): boolean {
  return listen.length > 0 && mode === 'dual-stack' && inhibition === 'auto'
}

export function droppedBy({ mode, inhibition }: DnsSettings, reach: Reach | undefined): ReadonlySet<4 | 6> {
  return droppedFamilies(mode, inhibition, reach)
}

/** Where to see whether a family leads anywhere: the servers and proxies that this host depends on. */
export function probeTargets(
  { dns, proxy, containersProxy }: Settings,
  hostServers: readonly { address: string; port: number }[],
  own = interfaceAddresses(),
): ProbeTarget[] {
  if (dns.probe.length > 0) return [...dns.probe]
  const proxies = [proxy.http, proxy.https, containersProxy.http, containersProxy.https]
    .flatMap((hops) => hops.slice(0, 1))
    .filter(({ family }) => family !== 0)
    .map(({ host, port }) => ({ address: host, port }))
  const all = [...(dns.servers.length > 0 ? dns.servers : hostServers), ...proxies]
  // Loopback and the own link answer whatever the network is like.
  const farther = all.filter(({ address }) => !/^(127\.|::1$|169\.254\.|fe[89ab])/i.test(address))
  const different = [...new Map(farther.map((target) => [`${target.address} ${target.port}`, target])).values()]
  const isNeighbour = neighboursOf(own)
  return different.slice(0, MAX_TARGETS).map((target) => ({ ...target, isNeighbour: isNeighbour(target.address) }))
}

/** Addresses in a network that one of this machine's own is in: a home's router, as a rule, which answers whether its provider does or not. */
function neighboursOf(own: readonly InterfaceAddress[]): (address: string) => boolean {
  return inBlocks(own.map(({ address, bits }) => `${address}/${bits}`))
}

/** Connections of one look. */
const MAX_TARGETS = 8

/** a.root-servers.net: what every resolver of the internet may ask, asked when nothing nearer has answered. */
export const LAST_RESORT = [
  { address: '198.41.0.4', port: 53 },
  { address: '2001:503:ba3e::2:30', port: 53 },
] as const
