import { TYPE } from '../wire/dns/numbers.ts'
import type { LocalAnswer, LocalRecord } from '../wire/dns/reply.ts'

/** Addresses under which containers know the host and the gateway; canonical text. */
export interface SpecialAddresses {
  readonly host: readonly string[]
  readonly gateway: readonly string[]
}

/** Seconds: the addresses change with the settings only, and programs that keep them for a minute lose nothing. */
const TTL = 60

const NAMES: ReadonlyMap<string, keyof SpecialAddresses> = new Map([
  ['host.docker.internal', 'host'],
  ['host.fairlead.internal', 'host'],
  ['gateway.docker.internal', 'gateway'],
  ['gateway.fairlead.internal', 'gateway'],
  ['http.docker.internal', 'gateway'],
  ['http.fairlead.internal', 'gateway'],
])

/**
 * Names that only containers know (behaviour.md §5). They exist, so what they do not have is NODATA. AAAA is given only to a client that is known to
 * have IPv6 (`ipv6`): an address that leads nowhere costs programs their patience (behaviour.md §8, item 11).
 */
export function specialAnswer(
  name: string,
  type: number,
  addresses: SpecialAddresses,
  ipv6: boolean,
): LocalAnswer | undefined {
  const which = NAMES.get(name)
  if (which) {
    const given = addresses[which].filter((address) => !address.includes(':') || ipv6)
    return { rcode: 0, records: addressRecords(given, type, TTL), soa: { zone: name, ttl: TTL } }
  }
  if (type !== TYPE.PTR) return undefined
  const found = (['host', 'gateway'] as const).find((key) => addresses[key].some((one) => reverseName(one) === name))
  if (!found) return undefined
  return {
    rcode: 0,
    records: [{ type: 'PTR', ttl: TTL, data: `${found}.docker.internal` }],
    soa: { zone: name, ttl: TTL },
  }
}

/** A or AAAA records of those addresses that are of the type asked for. */
export function addressRecords(addresses: readonly string[], type: number, ttl: number): LocalRecord[] {
  const wanted = type === TYPE.A ? 'A' : type === TYPE.AAAA ? 'AAAA' : undefined
  return addresses
    .map((data): LocalRecord => ({ type: data.includes(':') ? 'AAAA' : 'A', ttl, data }))
    .filter((record) => record.type === wanted)
}

/** RFC 1035 §3.5, RFC 3596 §2.5. */
export function reverseName(address: string): string {
  if (!address.includes(':')) return `${address.split('.').reverse().join('.')}.in-addr.arpa`
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => group.padStart(4, '0')))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0000')
  const digits = [...before, ...zeros, ...after].join('')
  return `${[...digits].reverse().join('.')}.ip6.arpa`
}
