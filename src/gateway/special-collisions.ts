import { readFileSync } from 'node:fs'
import type { Settings } from '../settings/settings.ts'
import { interfaceAddresses } from '../system/interface-addresses.ts'
import { isLoopback, parseAddress } from '../wire/address.ts'
import { IpBlockTable, parseIpBlock } from '../wire/ip-block.ts'

/** One network that this machine is in: `192.168.65.7/24` of `eth0`; or one that it has a route to. */
export interface OwnNetwork {
  readonly device: string
  readonly cidr: string
  readonly routed?: true
}

/**
 * The special addresses of DNS (behaviour.md §5) that are somebody's in a network of this machine, or behind a route of it, such as a VPN's: containers
 * cannot reach whoever has them there, for what they send is the gateway's. One sentence each.
 */
export function specialCollisions(
  { dns }: Pick<Settings, 'dns'>,
  networks: readonly OwnNetwork[] = [...ownNetworks(), ...routedNetworks()],
): string[] {
  const table = new IpBlockTable<OwnNetwork>()
  for (const network of networks) {
    const [address, bits] = network.cidr.split('/') as [string, string]
    table.add(parseIpBlock(address, bits), network)
  }
  return (['hostAddress', 'gatewayAddress'] as const).flatMap((key) =>
    dns[key].flatMap((text) => {
      const taken = [...table.lookup(parseAddress(text)!)][0]?.[0]
      if (!taken) return []
      const where = taken.routed
        ? `${text} is behind the route to ${taken.cidr} by ${taken.device}`
        : `${text} is in the network ${taken.cidr} of ${taken.device}`
      const what = `${where}, and containers that dial it reach this gateway`
      return [`dns.${key}: ${what}; choose an address that nobody has`]
    }),
  )
}

function ownNetworks(): OwnNetwork[] {
  return interfaceAddresses().flatMap(({ device, address, bits }) =>
    isLoopback(address) ? [] : [{ device, cidr: `${address}/${bits}` }],
  )
}

/** Routes to others' networks, but for the default one and the halves and eighths that VPNs lay over it. Linux; empty elsewhere. */
function routedNetworks(): OwnNetwork[] {
  return [...routesIPv4(textOf('/proc/net/route')), ...routesIPv6(textOf('/proc/net/ipv6_route'))]
}

/** Bits of a route below which it says "out there" and nothing of an address. */
const LEAST_BITS = 4

/** proc(5), /proc/net/route: addresses as hexadecimal, little-endian on every machine that Node runs on but s390x. */
export function routesIPv4(table: string): OwnNetwork[] {
  return table.split('\n').flatMap((line) => {
    const [device = '', destination = '', , flags = '', , , , mask = ''] = line.trim().split(/\s+/)
    if (!/^[0-9A-F]{8}$/.test(destination) || !/^[0-9A-F]{8}$/.test(mask)) return []
    const bits = [...BigInt(`0x${mask}`).toString(2)].filter((bit) => bit === '1').length
    if (bits < LEAST_BITS || isReject(flags)) return []
    return [{ device, cidr: `${Buffer.from(destination, 'hex').reverse().join('.')}/${bits}`, routed: true }]
  })
}

/** The kernel's fib6_info dump: destination, prefix length, source, prefix length, next hop, metric, references, use, flags, device. */
export function routesIPv6(table: string): OwnNetwork[] {
  return table.split('\n').flatMap((line) => {
    const [destination = '', prefix = '', , , , , , , flags = '', device = ''] = line.trim().split(/\s+/)
    const bits = Number.parseInt(prefix, 16)
    if (!/^[0-9a-f]{32}$/.test(destination) || !(bits >= LEAST_BITS) || device === 'lo' || isReject(flags)) return []
    const address = parseAddress(destination.match(/.{4}/g)!.join(':'))?.address
    return address === undefined || /^f[ef]/.test(address) ? [] : [{ device, cidr: `${address}/${bits}`, routed: true }]
  })
}

/** RTF_REJECT of linux/route.h: "unreachable", which leads nowhere. */
function isReject(flags: string): boolean {
  return (Number.parseInt(flags, 16) & 0x200) !== 0
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
