import { networkInterfaces } from 'node:os'
import type { Settings } from '../settings/settings.ts'
import { parseAddress } from '../wire/address.ts'
import { IpBlockTable, parseIpBlock } from '../wire/ip-block.ts'

/** One network that this machine is in: `192.168.65.7/24` of `eth0`. */
export interface OwnNetwork {
  readonly device: string
  readonly cidr: string
}

/**
 * The special addresses of DNS (behaviour.md §5) that are somebody's in a network of this machine: containers cannot reach whoever has them there, for
 * what they send is the gateway's. One sentence each.
 */
export function specialCollisions(
  { dns }: Pick<Settings, 'dns'>,
  networks: readonly OwnNetwork[] = ownNetworks(),
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
      const what = `${text} is in the network ${taken.cidr} of ${taken.device}, and containers that dial it reach this gateway`
      return [`dns.${key}: ${what}; choose an address that nobody has`]
    }),
  )
}

function ownNetworks(): OwnNetwork[] {
  return Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) =>
    addresses.flatMap(({ cidr, internal }) => (cidr === null || internal ? [] : [{ device, cidr }])),
  )
}
