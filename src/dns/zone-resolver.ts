import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../contracts/resolver.ts'
import { addressText } from '../wire/dns/address-data.ts'
import { readMessage } from '../wire/dns/message.ts'
import { nameWire } from '../wire/dns/name.ts'
import { CLASS_IN, rcodeName, TYPE } from '../wire/dns/numbers.ts'
import { isConclusive, makeQuery } from '../wire/dns/reply.ts'
import { type Lookups, NoAnswerInTime } from './lookups.ts'
import { ZoneShares } from './zone-shares.ts'

/** What holds for zones in the settings in force. */
export interface ZonesInForce {
  readonly lookups: Lookups
  /** Milliseconds after which nobody waits any longer, as for every other question. */
  readonly timeoutMs: number
  /** Names looked up at once, over all clients: each is two questions, and DNS itself wants some, too. */
  readonly maxNames: number
}

export interface ZonesParts {
  readonly clock: Clock
  /** Undefined while there are none. */
  current(): ZonesInForce | undefined
  /** In whose name a client has its share. */
  ownerOf(client: string): string
}

/**
 * The host's resolver, and for the scope of containers that of their zones (`dns.zones`) where a name is in one: what a containers' door looks up, or a
 * name in a handshake is held against, must be what their own DNS tells them.
 */
export function resolverWithZones(resolver: Resolver, { clock, current, ownerOf }: ZonesParts): Resolver {
  const shares = new ZoneShares()
  return {
    async resolve(name, signal, options) {
      const zones = options?.scope === 'containers' ? current() : undefined
      if (!zones?.lookups.isInZone(name)) return resolver.resolve(name, signal, options)
      signal.throwIfAborted()
      const client = options?.client ?? ''
      const end = shares.begin(ownerOf(client), name, zones.maxNames)
      if (!end) throw tooMany(name)
      const late = new AbortController()
      const cancel = clock.after(zones.timeoutMs, () =>
        late.abort(new NoAnswerInTime(`no answer within ${zones.timeoutMs} ms`)),
      )
      const onAbort = () => late.abort(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        return await addressesInZone(name, { lookups: zones.lookups, client, clock }, signal, late.signal)
      } finally {
        signal.removeEventListener('abort', onAbort)
        cancel()
        end()
        late.abort(new Error('nobody waits for it'))
      }
    },
    forget: () => resolver.forget?.(),
  }
}

/** `given`: the caller's own signal. `signal`: that and the end of patience. */
async function addressesInZone(
  name: string,
  { lookups, client, clock }: { readonly lookups: Lookups; readonly client: string; readonly clock: Clock },
  given: AbortSignal,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const ask = (type: number) => recordsOf(name, type, lookups, client, signal)
  const found = await bothOrSoon([ask(TYPE.A), ask(TYPE.AAAA)], clock)
  given.throwIfAborted()
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

/** Milliseconds that IPv4 addresses wait for those of IPv6, for which some servers answer nothing (RFC 4074). RFC 8305 §3 has 50, and these are for a busy machine, too. IPv6 waits for IPv4: it may lead nowhere from here. */
const LATE_MS = 250

/** As `Promise.allSettled`; but where the first, IPv4, has found something, the other is not waited for much longer, and is left out if it is late. */
function bothOrSoon(
  questions: readonly Promise<ResolvedAddress[]>[],
  clock: Clock,
): Promise<PromiseSettledResult<ResolvedAddress[]>[]> {
  return new Promise((resolve) => {
    const settled = new Map<number, PromiseSettledResult<ResolvedAddress[]>>()
    const inOrder = () => questions.flatMap((_, at) => settled.get(at) ?? [])
    let cancel: (() => void) | undefined
    const settle = (at: number, result: PromiseSettledResult<ResolvedAddress[]>) => {
      settled.set(at, result)
      const isFound = result.status === 'fulfilled' && result.value.length > 0
      if (isFound && at === 0) cancel ??= clock.after(LATE_MS, () => resolve(inOrder()))
      if (settled.size < questions.length) return
      cancel?.()
      resolve(inOrder())
    }
    for (const [at, question] of questions.entries()) {
      question.then(
        (value) => settle(at, { status: 'fulfilled', value }),
        (reason: unknown) => settle(at, { status: 'rejected', reason }),
      )
    }
  })
}

function tooMany(name: string): GatewayError {
  return new GatewayError(
    'LIMIT_REACHED',
    `${name} could not be resolved: too many other names of zones (dns.zones) are waiting, of this client or of all`,
    { hint: 'The servers of these zones answer too slowly, or not at all. dns.questions says how many may wait.' },
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
  if (!isConclusive(answer.rcode)) throw new Error(`they say ${rcodeName(answer.rcode)}`)
  return answer.records
    .filter((record) => record.section === 'answer' && record.type === type && record.class === CLASS_IN)
    .flatMap(({ dataAt, end }) => addressText(answer.bytes.subarray(dataAt, end)) ?? [])
    .map((address) => ({ address, family: type === TYPE.A ? 4 : 6 }))
}
