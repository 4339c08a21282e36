import t from 'tap'
import { type Clock, systemClock } from '../../../src/contracts/clock.ts'
import type { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { LookupOptions, ResolvedAddress } from '../../../src/contracts/resolver.ts'
import type { Lookups } from '../../../src/dns/lookups.ts'
import { resolverWithZones, type ZonesParts } from '../../../src/dns/zone-resolver.ts'
import { readMessage } from '../../../src/wire/dns/message.ts'
import { plainName } from '../../../src/wire/dns/name.ts'
import { TYPE } from '../../../src/wire/dns/numbers.ts'
import { testAnswerer } from '../../fixtures/dns-answerer.ts'
import { dnsResponse } from '../../fixtures/dns-messages.ts'
import { fakeDnsServer } from '../../fixtures/dns-server.ts'
import { hostResolver } from '../../fixtures/host-resolver.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

const zones = (lookups: Lookups, clock: Clock = systemClock): ZonesParts => ({
  clock,
  ownerOf: (client) => client.split(' ')[0]!,
  current: () => ({ lookups, timeoutMs: 4000, maxNames: 4 }),
})

t.test('in the scope of containers a zone’s own servers are asked', async (t) => {
  const server = await fakeDnsServer(t, (query) => {
    const { name, type } = readMessage(query).question!
    const asked = plainName(name)!
    const answers = [
      ...(asked === 'both.corp' && type === TYPE.A ? [{ type: 'CNAME', name: asked, ttl: 9, data: 'there.corp' }] : []),
      ...(asked === 'both.corp' && type === TYPE.A
        ? [{ type: 'A', name: 'there.corp', ttl: 9, data: '192.0.2.1' }]
        : []),
      ...(asked === 'both.corp' && type === TYPE.AAAA
        ? [{ type: 'AAAA', name: asked, ttl: 9, data: '2001:db8::1' }]
        : []),
      ...(asked === 'half.corp' && type === TYPE.A ? [{ type: 'A', name: asked, ttl: 9, data: '192.0.2.2' }] : []),
    ]
    const rcode = asked === 'none.corp' ? 3 : asked === 'bad.corp' || (asked === 'half.corp' && type !== TYPE.A) ? 2 : 0
    return [dnsResponse(query, { answers, rcode } as never)]
  })
  const { lookups } = testAnswerer({ zones: { corp: [server] } })
  const resolver = resolverWithZones(
    hostResolver({ 'both.corp': ['192.0.2.9'], 'x.test': ['192.0.2.8'] }),
    zones(lookups),
  )
  const resolve = async (name: string, options?: LookupOptions) =>
    resolver.resolve(name, new AbortController().signal, options).then(
      (found) => found.map(({ address, family }) => `${address} ${family}`),
      ({ code, message }: GatewayError) => `${code}: ${message}`,
    )
  const containers = { scope: 'containers' } as const
  t.same(await resolve('both.corp', containers), ['192.0.2.1 4', '2001:db8::1 6'])
  t.same(await resolve('half.corp', containers), ['192.0.2.2 4'], 'what one of two questions has found')
  t.equal(
    await resolve('none.corp', containers),
    'RESOLVE_FAILED: none.corp does not exist in its zone (dns.zones), or has no address',
  )
  t.match(
    await resolve('bad.corp', containers),
    /^RESOLVE_FAILED: bad\.corp could not be resolved by the servers of its zone \(dns\.zones\): ./,
  )
  t.same(await resolve('x.test', containers), ['192.0.2.8 4'], 'in no zone')
  for (const options of [undefined, { scope: 'host' } as const])
    t.same(await resolve('both.corp', options), ['192.0.2.9 4'], 'the host’s own view')
  t.match(await resolve(`${'x'.repeat(64)}.corp`, containers), /^RESOLVE_FAILED/, 'no name that DNS knows')
  const none = resolverWithZones(hostResolver({ 'both.corp': ['192.0.2.9'] }), {
    ...zones(lookups),
    current: () => undefined,
  })
  t.match(await none.resolve('both.corp', new AbortController().signal, containers), [{ address: '192.0.2.9' }])
})

t.test('a server that says nothing of one family keeps nobody from the other', async (t) => {
  const clock = manualClock()
  const server = await fakeDnsServer(t, (query) => {
    const { type } = readMessage(query).question!
    if (type === TYPE.AAAA) return []
    return [dnsResponse(query, { answers: [{ type: 'A', name: 'x.corp', ttl: 9, data: '192.0.2.1' }] } as never)]
  })
  const { lookups } = testAnswerer({ zones: { corp: [server] }, clock })
  const resolver = resolverWithZones(hostResolver({}), zones(lookups, clock))
  let found: readonly ResolvedAddress[] | undefined
  void resolver.resolve('x.corp', new AbortController().signal, { scope: 'containers' }).then((addresses) => {
    found = addresses
  })
  await until('A is answered', () => lookups.cached === 1)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(found, undefined, 'the other may be on its way')
  clock.advance(250)
  await until('it is taken', () => found !== undefined)
  t.match(found, [{ address: '192.0.2.1', family: 4 }])
})

t.test('IPv6 addresses wait for those of IPv4, for they may lead nowhere', async (t) => {
  const clock = manualClock()
  let answerA = () => {}
  const server = await fakeDnsServer(t, async (query) => {
    const { type } = readMessage(query).question!
    const [of, data] = type === TYPE.A ? ['A', '192.0.2.1'] : ['AAAA', '2001:db8::1']
    if (type === TYPE.A) {
      await new Promise<void>((resolve) => {
        answerA = resolve
      })
    }
    return [dnsResponse(query, { answers: [{ type: of, name: 'x.corp', ttl: 9, data }] } as never)]
  })
  const { lookups } = testAnswerer({ zones: { corp: [server] }, clock })
  const resolving = resolverWithZones(hostResolver({}), zones(lookups, clock)).resolve(
    'x.corp',
    new AbortController().signal,
    {
      scope: 'containers',
    },
  )
  await until('AAAA is answered', () => lookups.cached === 1)
  clock.advance(300)
  answerA()
  t.match(await resolving, [{ address: '192.0.2.1' }, { address: '2001:db8::1' }])
})

t.test('whoever gives up hears of it', async (t) => {
  const server = await fakeDnsServer(t, () => [])
  const { lookups } = testAnswerer({ zones: { corp: [server] } })
  const gone = new AbortController()
  const resolving = resolverWithZones(hostResolver({}), zones(lookups)).resolve('x.corp', gone.signal, {
    scope: 'containers',
  })
  gone.abort(new Error('gone'))
  await t.rejects(resolving, { message: 'gone' })
})

t.test('silent servers are waited for as long as by DNS, and what they have not said is remembered', async (t) => {
  const server = await fakeDnsServer(t, () => [])
  const clock = manualClock()
  const { lookups } = testAnswerer({ clock, zones: { corp: [server] } })
  const resolver = resolverWithZones(hostResolver({}), zones(lookups, clock))
  const resolve = () => resolver.resolve('x.corp', new AbortController().signal, { scope: 'containers' })
  const silence = {
    code: 'RESOLVE_FAILED',
    message: 'x.corp could not be resolved by the servers of its zone (dns.zones): no answer within 4000 ms',
  }
  const first = resolve()
  await until('both families are asked for', () => server.queries.length === 2)
  clock.advance(4000)
  await t.rejects(first, silence)
  const asked = server.queries.length
  await t.rejects(resolve(), silence, 'at once')
  t.equal(server.queries.length, asked)
  t.equal(clock.pending, 0)
})

t.test('one client’s names do not take the room for others’, nor all of them that of DNS', async (t) => {
  const server = await fakeDnsServer(t, (query) => {
    const name = plainName(readMessage(query).question!.name)!
    return name.startsWith('silent') ? [] : [dnsResponse(query, { answers: [], rcode: 3 } as never)]
  })
  const { lookups } = testAnswerer({ zones: { corp: [server] } })
  const resolver = resolverWithZones(hostResolver({ 'x.test': ['192.0.2.8'] }), zones(lookups))
  const gone = new AbortController()
  const begun: Promise<unknown>[] = []
  const resolve = (name: string, client: string) => {
    const found = resolver.resolve(name, gone.signal, { scope: 'containers', client }).then(
      () => 'found',
      ({ code }: GatewayError) => code ?? 'gone',
    )
    begun.push(found)
    return Promise.race([found, new Promise((waits) => setImmediate(waits, 'waits'))])
  }
  t.equal(await resolve('silent1.corp', 'one 192.0.2.1'), 'waits')
  t.equal(await resolve('silent2.corp', 'one 192.0.2.2'), 'waits')
  t.equal(await resolve('silent3.corp', 'one 192.0.2.1'), 'LIMIT_REACHED')
  t.equal(await resolve('silent2.corp', 'one 192.0.2.1'), 'waits', 'a name that is looked up already')
  t.equal(await resolve('silent3.corp', 'two'), 'waits')
  t.equal(await resolve('silent4.corp', 'two'), 'LIMIT_REACHED', 'one is left for the next client')
  t.equal(await resolve('x.test', 'one 192.0.2.1'), 'found', 'in no zone')
  gone.abort(new Error('gone'))
  t.same((await Promise.all(begun)).toSorted(), [
    'LIMIT_REACHED',
    'LIMIT_REACHED',
    'found',
    'gone',
    'gone',
    'gone',
    'gone',
  ])
  const again = new AbortController()
  await t.rejects(
    resolver.resolve('none.corp', again.signal, { scope: 'containers', client: 'one' }),
    { code: 'RESOLVE_FAILED' },
    'there is room again',
  )
})
