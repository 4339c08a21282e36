import { parseAddress } from '../../wire/address.ts'
import type { KeyPath } from '../key-path.ts'
import type { WrittenSettings } from '../schema.ts'
import type { ResolveContext } from './context.ts'

type WrittenDns = WrittenSettings['dns']

/** Refuses servers that are this very one: each question would go round until its time is over. */
export function refuseOwnServers(dns: WrittenDns, context: ResolveContext): void {
  const lists: readonly [path: KeyPath, servers: WrittenDns['servers']][] = [
    [['dns', 'servers'], dns.servers],
    ...Object.entries(dns.zones).map(
      ([zone, servers]) => [['dns', 'zones', zone], servers] as [KeyPath, typeof servers],
    ),
  ]
  for (const [path, servers] of lists) {
    for (const [index, { address, port }] of servers.entries()) {
      const own = dns.listen.findIndex(
        (door) => door.address.kind === 'tcp' && door.address.port === port && isHeardAt(door.address.host, address),
      )
      if (own < 0) continue
      context.problem([...path, index], {
        message: `this is the gateway itself, which answers there (dns.listen[${own}])`,
        expected: 'another server',
        hint: 'The gateway would ask itself, and nobody would get an answer.',
      })
    }
  }
}

/** At every address: of those only loopback is surely this machine's. */
function isHeardAt(host: string, address: string): boolean {
  const heard = parseAddress(host)?.address ?? host
  if (heard === '0.0.0.0') return address === '127.0.0.1'
  // A door at `::` takes no IPv4: another server may have 127.0.0.1.
  return heard === address || (heard === '::' && address === '::1')
}

/** Refuses an address that is to be both the host and the gateway. */
export function refuseOneForBoth({ hostAddress, gatewayAddress }: WrittenDns, context: ResolveContext): void {
  const canonical = (text: string) => parseAddress(text)?.address
  const [key, mine, other, others] = context.isGiven(['dns', 'gatewayAddress'])
    ? (['gatewayAddress', gatewayAddress, 'hostAddress', hostAddress] as const)
    : (['hostAddress', hostAddress, 'gatewayAddress', gatewayAddress] as const)
  for (const [index, text] of mine.entries()) {
    if (!others.some((one) => canonical(one) === canonical(text))) continue
    context.problem(['dns', key, index], {
      message: `${text} is dns.${other} as well, and cannot be both the host and the gateway`,
      expected: 'two addresses',
    })
  }
}
