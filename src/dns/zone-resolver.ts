import { GatewayError } from '../contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../contracts/resolver.ts'
import { addressText } from '../wire/dns/address-data.ts'
import { readMessage } from '../wire/dns/message.ts'
import { nameWire } from '../wire/dns/name.ts'
import { CLASS_IN, RCODE, TYPE } from '../wire/dns/numbers.ts'
import { isConclusive, makeQuery } from '../wire/dns/reply.ts'
import type { Lookups } from './lookups.ts'

/**
 * The host's resolver, and for the scope of containers that of their zones (`dns.zones`) where a name is in one: what a containers' door looks up, or a
 * name in a handshake is held against, must be what their own DNS tells them. `lookups`: those in force; undefined while there are none.
 */
export function resolverWithZones(resolver: Resolver, lookups: () => Lookups | undefined): Resolver {
  return {
    resolve(name, signal, options) {
      const current = options?.scope === 'containers' ? lookups() : undefined
      if (!current?.isInZone(name)) return resolver.resolve(name, signal, options)
      return addressesInZone(name, current, options?.client ?? '', signal)
    },
    forget: () => resolver.forget?.(),
  }
}

async function addressesInZone(
  name: string,
  lookups: Lookups,
  client: string,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  signal.throwIfAborted()
  const ask = (type: number) => recordsOf(name, type, lookups, client, signal)
  const found = await Promise.allSettled([ask(TYPE.A), ask(TYPE.AAAA)])
  signal.throwIfAborted()
  const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
  if (addresses.length > 0) return addresses
  const failed = found.find((one) => one.status === 'rejected')
  if (!failed)
    throw new GatewayError('RESOLVE_FAILED', `${name} does not exist in its zone (dns.zones), or has no address`)
  const reason = failed.reason instanceof Error ? failed.reason.message : String(failed.reason)
  throw new GatewayError(
    'RESOLVE_FAILED',
    `${name} could not be resolved by the servers of its zone (dns.zones): ${reason}`,
    {
      cause: failed.reason,
    },
  )
}

async function recordsOf(
  name: string,
  type: number,
  lookups: Lookups,
  client: string,
  signal: AbortSignal,
): Promise<ResolvedAddress[]> {
  const fixed = Buffer.alloc(4)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(CLASS_IN, 2)
  const question = Buffer.concat([nameWire(name), fixed])
  const message = readMessage(makeQuery(0, question, { edns: false, dnssecOk: false, cd: false }))
  const answer = readMessage(await lookups.find(message, message.question!, client, signal))
  if (!isConclusive(answer.rcode)) throw new Error(`they say ${nameOf(answer.rcode)}`)
  return answer.records
    .filter((record) => record.section === 'answer' && record.type === type && record.class === CLASS_IN)
    .flatMap(({ dataAt, end }) => addressText(answer.bytes.subarray(dataAt, end)) ?? [])
    .map((address) => ({ address, family: type === TYPE.A ? 4 : 6 }))
}

function nameOf(rcode: number): string {
  return Object.entries(RCODE).find(([, value]) => value === rcode)?.[0] ?? `RCODE ${rcode}`
}
