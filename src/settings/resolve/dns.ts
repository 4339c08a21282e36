import { parseAddress } from '../../wire/address.ts'
import { parseHost } from '../../wire/host.ts'
import { TextError } from '../../wire/text-error.ts'
import type { WrittenSettings } from '../schema.ts'
import type { DnsSettings } from '../settings.ts'
import { isLocalOnly } from '../values/listen-address.ts'
import type { ResolveContext } from './context.ts'
import { checkTwice } from './given-twice.ts'
import { refuseOneForBoth, refuseOwnServers } from './own-dns-addresses.ts'

/** The DNS server's settings, its doors' safety judged and its zones made canonical. */
export function resolveDns(written: WrittenSettings, context: ResolveContext): DnsSettings {
  const { defaultNetworkingMode: mode, dnsInhibition: inhibition, dns } = written
  if (mode !== 'dual-stack' && (inhibition === 'ipv4' || inhibition === 'ipv6')) {
    context.problem(['dnsInhibition'], {
      message: `${inhibition} cannot stand beside defaultNetworkingMode: ${mode}`,
      expected: 'auto or none, or defaultNetworkingMode: dual-stack',
      hint: 'Where networks have one family only, auto leaves the other out.',
    })
  }
  refuseOwnServers(dns, context)
  refuseOneForBoth(dns, context)
  const taken = new Map<string, string>()
  /** As written, by canonical name. */
  const zones = new Map<string, string>()
  return {
    ...dns,
    mode,
    inhibition,
    listen: dns.listen.flatMap(({ address, from }, index) => {
      const path = ['dns', 'listen', index, 'address']
      if (address.kind !== 'tcp') {
        context.problem(path, { message: 'DNS is not spoken over UNIX sockets', expected: 'ADDRESS:PORT' })
        return []
      }
      checkTwice(address, ['dns', 'listen', index], taken, context)
      if (!isLocalOnly(address) && from.length === 0) {
        context.problem(path, {
          message: 'anybody who reaches this address would be answered',
          expected: 'a loopback address, or a restriction of where clients come from',
          hint: 'Write it as { address: …, from: [172.16.0.0/12] } with the addresses of your containers.',
        })
      }
      return [{ address, from }]
    }),
    zones: new Map(
      Object.entries(dns.zones).flatMap(([zone, servers]) => {
        const name = canonicalZone(zone, context)
        if (servers.length === 0) {
          context.problem(['dns', 'zones', zone], { message: 'there is no server', expected: 'at least one address' })
        }
        if (name === undefined) return []
        const other = zones.get(name)
        if (other !== undefined) {
          const message = `this is the same zone as ${other}`
          context.problem(['dns', 'zones', zone], { key: true, message, expected: 'each zone once' })
        }
        zones.set(name, zone)
        return [[name, servers] as const]
      }),
    ),
    hostAddress: dns.hostAddress.map((text) => parseAddress(text)!.address),
    gatewayAddress: dns.gatewayAddress.map((text) => parseAddress(text)!.address),
    hostAddressIsGiven: context.isGiven(['dns', 'hostAddress']),
  }
}

function canonicalZone(zone: string, context: ResolveContext): string | undefined {
  // Reverse zones end in a label that is a number nowhere else; `arpa` keeps them from looking like addresses.
  try {
    const { host, family } = parseHost(zone.replace(/^\*?\./, '').replace(/\.$/, ''))
    if (family === 0) return host
  } catch (thrown) {
    if (!(thrown instanceof TextError)) throw thrown
  }
  context.problem(['dns', 'zones', zone], {
    key: true,
    message: 'this is not a zone',
    expected: 'a name such as corp.example',
  })
  return undefined
}
