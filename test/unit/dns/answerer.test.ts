import t from 'tap'
import type { ContainerDirectory } from '../../../src/contracts/containers.ts'
import { type TestAnswererOptions, testAnswerer } from '../../fixtures/dns-answerer.ts'
import { dnsQuery, dnsResponse, seen } from '../../fixtures/dns-messages.ts'
import { fakeDnsServer } from '../../fixtures/dns-server.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

const SOA = {
  type: 'SOA',
  name: 'test',
  ttl: 60,
  data: { mname: 'ns.test', rname: 'n.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 9 },
}

t.test('raw queries and what they get', async (t) => {
  const { ask } = testAnswerer({ hosts: { 'a.test': ['192.0.2.5'] } })
  const good = dnsQuery('a.test', 'A', { id: 77, edns: 4096 })
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(good)
    change(bytes)
    return bytes
  }
  const cases: readonly [what: string, query: Buffer, rcode: number | undefined][] = [
    ['a good one', good, 0],
    ['shorter than a header', good.subarray(0, 11), undefined],
    ['an answer', changed((bytes) => bytes.writeUInt16BE(0x8100, 2)), undefined],
    ['opcode 5, UPDATE', changed((bytes) => bytes.writeUInt16BE(0x2900, 2)), 4],
    ['opcode 2, STATUS', changed((bytes) => bytes.writeUInt16BE(0x1000, 2)), 4],
    ['two questions', changed((bytes) => bytes.writeUInt16BE(2, 4)), 1],
    ['no question', good.subarray(0, 12).map((octet, at) => (at > 3 ? 0 : octet)) as Buffer, 1],
    ['cut short', good.subarray(0, 20), 1],
    ['an answer record in it', changed((bytes) => bytes.writeUInt16BE(1, 6)), 1],
    ['EDNS version 1', changed((bytes) => bytes.writeUInt8(1, bytes.length - 5)), 0],
    ['class CH', changed((bytes) => bytes.writeUInt16BE(3, bytes.length - 13)), 5],
    ['AXFR', changed((bytes) => bytes.writeUInt16BE(252, bytes.length - 15)), 5],
    ['IXFR', changed((bytes) => bytes.writeUInt16BE(251, bytes.length - 15)), 5],
    ['type OPT', changed((bytes) => bytes.writeUInt16BE(41, bytes.length - 15)), 1],
  ]
  for (const [what, query, rcode] of cases) {
    const answer = await ask(Buffer.from(query))
    t.equal(answer && answer[3]! & 0xf, rcode, what)
    if (answer) t.equal(answer.readUInt16BE(0), 77, `${what}: its id`)
  }
  const badVersion = await ask(changed((bytes) => bytes.writeUInt8(1, bytes.length - 5)))
  t.equal(badVersion?.[badVersion.length - 6], 1, 'BADVERS is 16: one in the upper eight bits')
})

t.test('A and AAAA as the host resolves them', async (t) => {
  const server = await fakeDnsServer(t, (query) => [dnsResponse(query, { rcode: 3, authorities: [SOA] } as never)])
  const hosts = {
    'both.test': ['192.0.2.1', '2001:db8::1'],
    'four.test': ['192.0.2.4'],
    'none.test': 'no-data',
    'broken.test': 'fails',
  } as const
  const { ask } = testAnswerer({ hosts, servers: [server], clock: manualClock() })
  const cases: readonly [name: string, type: string, rcode: number, answers: string[], authorities: string[]][] = [
    ['both.test', 'A', 0, ['A 192.0.2.1'], []],
    ['both.test', 'AAAA', 0, ['AAAA 2001:db8::1'], []],
    ['four.test', 'AAAA', 0, [], []],
    ['none.test', 'A', 0, [], []],
    ['gone.test', 'A', 3, [], ['SOA']],
    ['broken.test', 'A', 2, [], []],
  ]
  for (const [name, type, rcode, answers, authorities] of cases) {
    t.match(seen(await ask(dnsQuery(name, type))), { rcode, answers, authorities }, `${name} ${type}`)
  }
  t.equal(seen(await ask(dnsQuery('BoTh.TeSt', 'A')))?.question, 'BoTh.TeSt', 'letters stay as they were sent (0x20)')
})

t.test('a dropped family is NODATA with the SOA of the zone, and a name that does not exist stays so', async (t) => {
  const server = await fakeDnsServer(t, (query) => [dnsResponse(query, { authorities: [SOA] } as never)])
  const hosts = { 'both.test': ['192.0.2.1', '2001:db8::1'] }
  for (const [drop, type, answers] of [
    [[6], 'AAAA', []],
    [[6], 'A', ['A 192.0.2.1']],
    [[4], 'A', []],
    [[4], 'AAAA', ['AAAA 2001:db8::1']],
  ] as const) {
    const { ask } = testAnswerer({ hosts, servers: [server], drop: [...drop], clock: manualClock() })
    const answer = seen(await ask(dnsQuery('both.test', type)))
    t.match(
      answer,
      { rcode: 0, answers, authorities: answers.length === 0 ? ['SOA'] : [] },
      `no IPv${drop[0]}: ${type}`,
    )
    t.equal(seen(await ask(dnsQuery('gone.test', type)))?.rcode, 3, 'NXDOMAIN')
  }
})

t.test('special names', async (t) => {
  const { ask } = testAnswerer()
  const cases: readonly [name: string, type: string, client: string, answers: string[]][] = [
    ['host.docker.internal', 'A', '198.51.100.7', ['A 192.0.2.254']],
    ['HOST.Docker.Internal', 'A', '198.51.100.7', ['A 192.0.2.254']],
    ['host.fairlead.internal', 'A', '198.51.100.7', ['A 192.0.2.254']],
    ['gateway.docker.internal', 'A', '198.51.100.7', ['A 192.0.2.1']],
    ['http.docker.internal', 'A', '198.51.100.7', ['A 192.0.2.1']],
    ['host.docker.internal', 'AAAA', '198.51.100.7', []],
    ['host.docker.internal', 'AAAA', '2001:db8::7', ['AAAA fd00::254']],
    ['host.docker.internal', 'MX', '198.51.100.7', []],
    ['254.2.0.192.in-addr.arpa', 'PTR', '198.51.100.7', ['PTR host.docker.internal']],
  ]
  for (const [name, type, client, answers] of cases) {
    t.match(
      seen(await ask(dnsQuery(name, type), 'udp', client)),
      { rcode: 0, answers },
      `${name} ${type} from ${client}`,
    )
  }
  const unreached = testAnswerer({ drop: [4] })
  t.match(
    seen(await unreached.ask(dnsQuery('host.docker.internal', 'A'))),
    { rcode: 0, answers: ['A 192.0.2.254'] },
    'it leads here, whatever the host reaches outside',
  )
  const given = seen(await unreached.ask(dnsQuery('host.docker.internal', 'A')))
  t.strictSame(given?.authorities, [], 'an SOA is for a “no” (RFC 2308)')
  const filtered = testAnswerer({ dropHere: [4] })
  t.match(seen(await filtered.ask(dnsQuery('host.docker.internal', 'A'))), {
    rcode: 0,
    answers: [],
    authorities: ['SOA'],
  })
})

t.test('container names, by the networks of whoever asks', async (t) => {
  const container = (name: string, networkId: string, address: string, aliases: string[] = []) => ({
    id: name,
    name,
    image: 'i',
    labels: {},
    project: 'shop',
    service: name,
    endpoints: [{ network: networkId, networkId, addresses: [address], aliases }],
  })
  const containers = [container('db', 'n1', '10.0.1.2', ['database']), container('web', 'n2', '10.0.2.2')]
  const known = new Set(['10.0.1.2'])
  const directory: ContainerDirectory = {
    connected: true,
    view: () => ({ networks: [], containers }),
    byAddress: (at) => containers.find(({ endpoints }) => known.has(at) && endpoints[0]!.addresses.includes(at)),
    onChange: () => () => {},
    close() {},
  }
  const { ask } = testAnswerer({
    directory,
    askers: {
      /** The engine tells of it a moment later. */
      async at(address) {
        if (address === '10.0.2.2') known.add(address)
        return directory.byAddress(address)
      },
      isContainers: (address) => address.startsWith('10.0.'),
    },
  })
  for (const [name, client, answers] of [
    ['db', '198.51.100.7', ['A 10.0.1.2']],
    ['database', '10.0.1.2', ['A 10.0.1.2']],
    ['db.shop', '198.51.100.7', ['A 10.0.1.2']],
    ['db', '10.0.2.2', []],
    ['web', '10.0.2.2', ['A 10.0.2.2']],
    ['web', '10.0.2.9', []],
    ['db.shop', '10.0.1.9', []],
  ] as const) {
    t.same(seen(await ask(dnsQuery(name, 'A'), 'udp', client))?.answers, answers, `${name} from ${client}`)
  }
  t.match(seen(await ask(dnsQuery('db', 'AAAA'))), { rcode: 0, answers: [] }, 'NODATA')
  const unreached = testAnswerer({ directory, drop: [4] })
  t.same(seen(await unreached.ask(dnsQuery('db', 'A')))?.answers, ['A 10.0.1.2'], 'whatever the host reaches outside')
})

t.test('what was answered is remembered for the client, under the name it asked for', async (t) => {
  const chain = [
    { type: 'CNAME', name: 'a.corp', ttl: 60, data: 'b.corp' },
    { type: 'A', name: 'b.corp', ttl: 20, data: '192.0.2.8' },
    { type: 'A', name: 'b.corp', ttl: 30, data: '192.0.2.9' },
  ]
  const server = await fakeDnsServer(t, (query) => [dnsResponse(query, { answers: chain } as never)])
  const remembered: unknown[] = []
  const names = { remember: (...all: unknown[]) => void remembered.push(all), namesOf: () => [] }
  const { ask } = testAnswerer({ zones: { corp: [server] }, names })
  t.same(seen(await ask(dnsQuery('A.corp', 'A')))?.answers, ['CNAME b.corp', 'A 192.0.2.8', 'A 192.0.2.9'])
  t.same(remembered, [['198.51.100.7', 'a.corp', ['192.0.2.8', '192.0.2.9'], 20]])
  await ask(dnsQuery('A.corp', 'MX'))
  t.equal(remembered.length, 1, 'other types say nothing of where a name leads')
})

t.test('what was cut has told nothing, and is not remembered', async (t) => {
  const remembered: unknown[] = []
  const names = { remember: (...all: unknown[]) => void remembered.push(all), namesOf: () => [] }
  const addresses = Array.from({ length: 100 }, (_, at) => `192.0.2.${at}`)
  const { ask } = testAnswerer({ hosts: { 'many.test': addresses }, names })
  t.match(seen(await ask(dnsQuery('many.test', 'A'))), { truncated: true })
  t.equal(remembered.length, 0)
  t.match(seen(await ask(dnsQuery('many.test', 'A'), 'tcp')), { truncated: false })
  t.equal(remembered.length, 1)
})

t.test('an answer waits until it is known for whom it is remembered', async (t) => {
  let remember = () => {}
  const names = {
    remember: () =>
      new Promise<void>((resolve) => {
        remember = resolve
      }),
    namesOf: () => [],
  }
  const { ask } = testAnswerer({ hosts: { 'a.test': ['192.0.2.5'] }, names })
  let answered = false
  const answer = ask(dnsQuery('a.test', 'A')).then((octets) => {
    answered = true
    return octets
  })
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(answered)
  remember()
  t.same(seen(await answer)?.answers, ['A 192.0.2.5'])
})

t.test('zones: the longest that fits has its own servers', async (t) => {
  const answering = (data: string) =>
    fakeDnsServer(t, (query) => [dnsResponse(query, { answers: [{ type: 'A', name: 'x', ttl: 9, data }] } as never)])
  const [corp, lab] = [await answering('192.0.2.1'), await answering('192.0.2.2')]
  const { ask } = testAnswerer({
    zones: { 'corp.example': [corp], 'lab.corp.example': [lab] },
    hosts: { 'xcorp.example': ['192.0.2.3'] },
  })
  for (const [name, answer] of [
    ['corp.example', 'A 192.0.2.1'],
    ['a.CORP.example', 'A 192.0.2.1'],
    ['a.b.lab.corp.example', 'A 192.0.2.2'],
    ['xcorp.example', 'A 192.0.2.3'],
  ] as const) {
    t.same(seen(await ask(dnsQuery(name, 'A')))?.answers, [answer], name)
  }
})

t.test('large answers: TC over UDP, whole over TCP', async (t) => {
  const txt = { type: 'TXT', name: 'big.corp', ttl: 60, data: Array.from({ length: 8 }, () => 'x'.repeat(250)) }
  const server = await fakeDnsServer(t, (query, over) => [
    over === 'udp' ? dnsResponse(query, { flags: 0x200 } as never) : dnsResponse(query, { answers: [txt] } as never),
  ])
  const { ask } = testAnswerer({ zones: { corp: [server] }, clock: manualClock() })
  for (const edns of [undefined, 512, 1232, 65_535]) {
    const answer = await ask(dnsQuery('big.corp', 'TXT', edns === undefined ? {} : { edns }))
    t.match(seen(answer), { truncated: true, answers: [] }, `UDP, ${edns ?? 'no EDNS'}`)
    t.ok(answer!.length < 100)
  }
  t.match(seen(await ask(dnsQuery('big.corp', 'TXT'), 'tcp')), { truncated: false, answers: ['TXT'] })
  t.same(
    server.queries.map(({ over }) => over),
    ['udp', 'tcp'],
    'asked once, and over TCP when told to',
  )
})

t.test('the cache: TTLs count down, negative answers by their SOA, forgotten with the network', async (t) => {
  const clock = manualClock()
  const server = await fakeDnsServer(t, (query) => [
    query.includes('none')
      ? dnsResponse(query, { rcode: 3, authorities: [SOA] } as never)
      : dnsResponse(query, { answers: [{ type: 'A', name: 'x.corp', ttl: 60, data: '192.0.2.1' }] } as never),
  ])
  const { ask, lookups } = testAnswerer({ clock, zones: { corp: [server] } })
  const ttl = async () => seen(await ask(dnsQuery('x.corp', 'A')))?.ttls[0]
  t.equal(await ttl(), 60)
  clock.advance(10_500)
  t.equal(await ttl(), 50)
  t.equal(server.queries.length, 1)
  clock.advance(49_600)
  t.equal(await ttl(), 60, 'asked anew when it is over')
  t.equal(server.queries.length, 2)
  await ask(dnsQuery('none.corp', 'A'))
  clock.advance(8_900)
  await ask(dnsQuery('none.corp', 'A'))
  t.equal(server.queries.length, 3, 'the SOA says 9 s')
  clock.advance(200)
  await ask(dnsQuery('none.corp', 'A'))
  t.equal(server.queries.length, 4)
  lookups.forget()
  await ttl()
  t.equal(server.queries.length, 5, 'another network')
})

t.test('no answer is said to be good for longer than it would be kept, the first as the second', async (t) => {
  const rows = [
    ['week.corp', 604_800, [3_600, 3_600]],
    ['broken.corp', 0xffffffff, [0, 0]], // RFC 2181 §8
    ['minute.corp', 60, [60, 60]],
  ] as const
  for (const [name, ttl, told] of rows) {
    const server = await fakeDnsServer(t, (query) => [
      dnsResponse(query, { answers: [{ type: 'TXT', name, ttl, data: 'x' }] } as never),
    ])
    const { ask } = testAnswerer({ zones: { corp: [server] } })
    for (const expected of told) t.same(seen(await ask(dnsQuery(name, 'TXT')))?.ttls, [expected], name)
  }
})

t.test('the same question at the same time is asked once', async (t) => {
  const server = await fakeDnsServer(t, (query) => [
    dnsResponse(query, { answers: [{ type: 'A', name: 'x.corp', ttl: 60, data: '192.0.2.1' }] } as never),
  ])
  const { ask } = testAnswerer({ zones: { corp: [server] }, clock: manualClock() })
  const answers = await Promise.all([1, 2, 3, 4].map((id) => ask(dnsQuery(id % 2 ? 'x.corp' : 'X.CORP', 'A', { id }))))
  t.same(
    answers.map((answer) => [answer?.readUInt16BE(0), seen(answer)?.question]),
    [
      [1, 'x.corp'],
      [2, 'X.CORP'],
      [3, 'x.corp'],
      [4, 'X.CORP'],
    ],
  )
  t.equal(server.queries.length, 1)
})

t.test('forged answers are passed over', async (t) => {
  const right = (query: Buffer) =>
    dnsResponse(query, { answers: [{ type: 'A', name: 'x.corp', ttl: 60, data: '192.0.2.1' }] } as never)
  const forged = (query: Buffer) =>
    dnsResponse(query, { answers: [{ type: 'A', name: 'x.corp', ttl: 60, data: '203.0.113.66' }] } as never)
  const otherId = (query: Buffer) => {
    const bytes = forged(query)
    bytes.writeUInt16BE(bytes.readUInt16BE(0) ^ 1, 0)
    return bytes
  }
  const otherQuestion = (query: Buffer) => {
    const bytes = forged(query)
    bytes[13]! ^= 0x20
    return bytes
  }
  const noAnswer = (query: Buffer) => {
    const bytes = forged(query)
    bytes[2]! &= 0x7f
    return bytes
  }
  for (const [what, bad] of Object.entries({
    otherId,
    otherQuestion,
    noAnswer,
    cut: (q: Buffer) => forged(q).subarray(0, 30),
  })) {
    const server = await fakeDnsServer(t, (query) => [bad(query), bad(query), right(query)])
    const { ask } = testAnswerer({ zones: { corp: [server] } })
    t.same(seen(await ask(dnsQuery('x.corp', 'A')))?.answers, ['A 192.0.2.1'], what)
  }
  const flooded = await fakeDnsServer(t, (query, over) =>
    over === 'udp' ? Array.from({ length: 40 }, () => otherId(query)) : [right(query)],
  )
  const { ask } = testAnswerer({ zones: { corp: [flooded] } })
  t.same(seen(await ask(dnsQuery('x.corp', 'A')))?.answers, ['A 192.0.2.1'], 'a flood of guesses: TCP is asked')
  t.equal(flooded.queries.at(-1)?.over, 'tcp')
})

t.test('servers that fail: the next one, then SERVFAIL within the limit', async (t) => {
  const right = (query: Buffer) =>
    dnsResponse(query, { answers: [{ type: 'A', name: 'x.corp', ttl: 60, data: '192.0.2.1' }] } as never)
  const refusing = await fakeDnsServer(t, (query) => [dnsResponse(query, { rcode: 5 } as never)])
  const good = await fakeDnsServer(t, (query) => [right(query)])
  const old = await fakeDnsServer(t, (query) => [
    query.readUInt16BE(10) > 0 ? dnsResponse(query, { rcode: 1 } as never) : right(query),
  ])
  const silent = await fakeDnsServer(t, () => [])
  for (const [what, servers, answers] of [
    ['refusing, then good', [refusing, good], ['A 192.0.2.1']],
    ['one that knows no EDNS', [old], ['A 192.0.2.1']],
  ] as const) {
    t.same(seen(await testAnswerer({ zones: { corp: servers } }).ask(dnsQuery('x.corp', 'A')))?.answers, answers, what)
  }
  t.equal(seen(await testAnswerer({ zones: { corp: [refusing] } }).ask(dnsQuery('x.corp', 'A')))?.rcode, 2)
  const failures: string[] = []
  const { ask } = testAnswerer({
    zones: { corp: [silent] },
    timeoutMs: 150,
    hosts: { 'hangs.test': 'hangs' },
    answered: ({ failure }) =>
      failure !== undefined && failures.push(`${failure.question} for ${failure.client}: ${failure.reason}`),
  })
  t.equal(seen(await ask(dnsQuery('x.corp', 'A')))?.rcode, 2, 'a silent server')
  t.equal(seen(await ask(dnsQuery('hangs.test', 'A')))?.rcode, 2, 'a silent resolver')
  t.same(
    failures,
    ['x.corp', 'hangs.test'].map((name) => `${name} A for 198.51.100.7: no answer within 150 ms`),
  )
})

t.test('a server that takes long has all of the time to answer the last question', async (t) => {
  const clock = manualClock()
  const found = new Promise<void>((resolve) => {
    clock.after(8_000, resolve)
  })
  const slow = await fakeDnsServer(t, async (query) => {
    await found
    return [dnsResponse(query, { answers: [{ type: 'A', name: 'x.corp', ttl: 60, data: '192.0.2.1' }] } as never)]
  })
  const { ask } = testAnswerer({ clock, zones: { corp: [slow] }, timeoutMs: 10_000 })
  const answer = ask(dnsQuery('x.corp', 'A'))
  await until('the first question', () => slow.queries.length === 1)
  clock.advance(1_000)
  await until('the second', () => slow.queries.length === 2)
  clock.advance(7_000)
  t.same(seen(await answer)?.answers, ['A 192.0.2.1'])
})

/** Three questions of a client may wait, for 100 ms. */
function threeEach(more: TestAnswererOptions = {}) {
  const clock = manualClock()
  const hosts = { 'hangs.test': 'hangs', 'good.test': ['192.0.2.1'] } as const
  return { clock, ...testAnswerer({ clock, hosts, maxWaitingPerClient: 3, timeoutMs: 100, ...more }) }
}

t.test('addresses that one client can feign have one share together', async (t) => {
  const { clock, ask, answerer } = threeEach({
    ownerOf: (address) => (address.startsWith('203.0.113.') ? 'strangers' : address),
  })
  const many = [1, 2, 3, 4, 5].map((n) => ask(dnsQuery('hangs.test', 'A'), 'udp', `203.0.113.${n}`))
  t.equal(answerer.waiting, 3)
  t.equal(seen(await ask(dnsQuery('good.test', 'A'), 'udp', '198.51.100.8'))?.rcode, 0)
  clock.advance(100)
  await Promise.all(many)
  t.equal(answerer.waiting, 0)
})

t.test('a client that asks too much gets SERVFAIL, and others are served', async (t) => {
  const { clock, ask, answerer } = threeEach()
  const many = Array.from({ length: 5 }, () => ask(dnsQuery('hangs.test', 'A')))
  t.equal(answerer.waiting, 3)
  t.equal(seen(await ask(dnsQuery('good.test', 'A'), 'udp', '198.51.100.8'))?.rcode, 0)
  clock.advance(100)
  t.same(
    (await Promise.all(many)).map((answer) => seen(answer)?.rcode),
    [2, 2, 2, 2, 2],
  )
  t.equal(answerer.waiting, 0)
})
