import t from 'tap'
import type { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { LookupOptions } from '../../../src/contracts/resolver.ts'
import { resolverWithZones } from '../../../src/dns/zone-resolver.ts'
import { readMessage } from '../../../src/wire/dns/message.ts'
import { plainName } from '../../../src/wire/dns/name.ts'
import { TYPE } from '../../../src/wire/dns/numbers.ts'
import { testAnswerer } from '../../fixtures/dns-answerer.ts'
import { dnsResponse } from '../../fixtures/dns-messages.ts'
import { fakeDnsServer } from '../../fixtures/dns-server.ts'
import { hostResolver } from '../../fixtures/host-resolver.ts'

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
    () => lookups,
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
  const none = resolverWithZones(hostResolver({ 'both.corp': ['192.0.2.9'] }), () => undefined)
  t.match(await none.resolve('both.corp', new AbortController().signal, containers), [{ address: '192.0.2.9' }])
})

t.test('whoever gives up hears of it', async (t) => {
  const server = await fakeDnsServer(t, () => [])
  const { lookups } = testAnswerer({ zones: { corp: [server] } })
  const gone = new AbortController()
  const resolving = resolverWithZones(hostResolver({}), () => lookups).resolve('x.corp', gone.signal, {
    scope: 'containers',
  })
  gone.abort(new Error('gone'))
  await t.rejects(resolving, { message: 'gone' })
})
