import dnsPacket from 'dns-packet'
import t from 'tap'
import { testAnswerer } from '../../fixtures/dns-answerer.ts'
import { dnsQuery, dnsResponse, seen } from '../../fixtures/dns-messages.ts'
import { fakeDnsServer } from '../../fixtures/dns-server.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

const soa = (name: string, ttl: number, minimum: number) => ({
  type: 'SOA',
  name,
  ttl,
  data: { mname: 'ns.test', rname: 'n.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
})

t.test(
  'labels that look like IDNA and are not: the servers know such names, the host’s resolver takes none',
  async (t) => {
    const asked: string[] = []
    const server = await fakeDnsServer(t, (query) => [
      query.includes('gone')
        ? dnsResponse(query, { rcode: 3, authorities: [soa('test', 60, 9)] } as never)
        : dnsResponse(query, { answers: [{ type: 'A', name: 'x.test', ttl: 60, data: '192.0.2.1' }] } as never),
    ])
    const { ask } = testAnswerer({
      servers: [server],
      resolver: {
        async resolve(name) {
          asked.push(name)
          return [{ address: '192.0.2.2', family: 4 }]
        },
      },
    })
    for (const [name, expected] of [
      ['xn--a.test', { rcode: 0, answers: ['A 192.0.2.1'] }],
      ['XN--0.test', { rcode: 0, answers: ['A 192.0.2.1'] }],
      ['www.xn--a--b.test', { rcode: 0, answers: ['A 192.0.2.1'] }],
      ['xn--a.gone.test', { rcode: 3, answers: [], authorities: ['SOA'] }],
      ['xn--bcher-kva.test', { rcode: 0, answers: ['A 192.0.2.2'] }],
      ['not-xn--a.test', { rcode: 0, answers: ['A 192.0.2.2'] }],
    ] as const) {
      t.match(seen(await ask(dnsQuery(name, 'A'))), expected, name)
    }
    t.same(asked, ['xn--bcher-kva.test', 'not-xn--a.test'])
  },
)

t.test('an alias that was asked for is an answer, and kept as one', async (t) => {
  const server = await fakeDnsServer(t, (query) => [
    dnsResponse(query, { answers: [{ type: 'CNAME', name: 'www.corp', ttl: 3_000, data: 'x.corp' }] } as never),
  ])
  const { ask } = testAnswerer({ zones: { corp: [server] } })
  for (const type of ['CNAME', 'ANY']) {
    server.queries.length = 0
    for (const time of ['the first', 'the second'])
      t.same(seen(await ask(dnsQuery('www.corp', type)))?.ttls, [3_000], time)
    t.equal(server.queries.length, 1, `${type} is asked once`)
  }
  server.queries.length = 0
  for (let time = 0; time < 2; time += 1) t.same(seen(await ask(dnsQuery('www.corp', 'MX')))?.ttls, [60])
  t.equal(server.queries.length, 2, 'an alias that leads to nothing is a "no" without an SOA')
})

t.test('a "no" of a zone’s own name is good for no longer than any other', async (t) => {
  for (const [ttl, minimum, told] of [
    [3_600, 86_400, 60],
    [3_600, 9, 9],
    [30, 3_600, 30],
  ] as const) {
    const server = await fakeDnsServer(t, (query) => [
      dnsResponse(query, { answers: [soa('zone.test', ttl, minimum)] } as never),
    ])
    const { ask } = testAnswerer({ hosts: { 'zone.test': ['192.0.2.1', '2001:db8::1'] }, servers: [server], drop: [6] })
    const { authorities } = dnsPacket.decode((await ask(dnsQuery('zone.test', 'AAAA')))!)
    t.match(authorities, [{ type: 'SOA', name: 'zone.test', ttl: told }])
  }
})

t.test(
  'a dead server before one that answers does not keep it from telling the SOA, nor holds up the next "no"',
  async (t) => {
    const clock = manualClock()
    const dead = await fakeDnsServer(t, () => [])
    const good = await fakeDnsServer(t, (query) => [dnsResponse(query, { authorities: [soa('test', 60, 9)] } as never)])
    const hosts = { 'one.test': ['192.0.2.1'], 'two.test': ['192.0.2.2'] }
    const { ask } = testAnswerer({ clock, hosts, servers: [dead, good] })
    const answer = ask(dnsQuery('one.test', 'AAAA'))
    await until('the first is asked', () => dead.queries.length === 1)
    clock.advance(500)
    t.match(seen(await answer), { rcode: 0, answers: [], authorities: ['SOA'] })
    t.match(seen(await ask(dnsQuery('two.test', 'AAAA'))), { authorities: ['SOA'] }, 'no time passes')
    t.equal(dead.queries.length, 1)
  },
)
