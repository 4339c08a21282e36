import dnsPacket from 'dns-packet'
import t from 'tap'
import { withoutFamilies } from '../../../../src/wire/dns/family-filter.ts'
import { DnsFormatError } from '../../../../src/wire/dns/format-error.ts'
import { readMessage } from '../../../../src/wire/dns/message.ts'
import { nameKey, nameWire, plainName, readName } from '../../../../src/wire/dns/name.ts'
import { rebuild } from '../../../../src/wire/dns/rebuild.ts'
import { withoutHints } from '../../../../src/wire/dns/svcb-hints.ts'
import { dnsQuery, dnsResponse, seen } from '../../../fixtures/dns-messages.ts'

const HEADER = Buffer.alloc(12)

t.test('names that cannot be read', async (t) => {
  const cases: readonly [what: string, bytes: readonly number[]][] = [
    ['no end', [3, 97, 98]],
    ['no closing zero', [1, 97]],
    ['a pointer cut short', [0xc0]],
    ['a pointer to itself', [0xc0, 12]],
    ['a pointer forwards', [0xc0, 14, 0]],
    ['a pointer into the header', [0xc0, 2]],
    ['a label of kind 01', [0x41, 97, 0]],
    ['a label of kind 10', [0x81, 97, 0]],
    ['too long', [...Array.from({ length: 128 }, () => [1, 97]).flat(), 0]],
  ]
  for (const [what, bytes] of cases) {
    t.throws(() => readName(Buffer.concat([HEADER, Buffer.from(bytes)]), 12), DnsFormatError, what)
  }
  t.equal(
    readName(Buffer.concat([HEADER, Buffer.from([...Array.from({ length: 127 }, () => [1, 97]).flat(), 0])]), 12).wire
      .length,
    255,
  )
})

t.test('pointers: one that loops over an earlier name ends', async (t) => {
  // "a" at 12 goes on at 12: every pointer must lead before the last one.
  const looping = Buffer.concat([HEADER, Buffer.from([1, 97, 0xc0, 12])])
  t.throws(() => readName(looping, 12), DnsFormatError)
  const chain = Buffer.concat([HEADER, Buffer.from([1, 97, 0, 1, 98, 0xc0, 12, 0xc0, 15])])
  const { wire, end } = readName(chain, 19)
  t.same([...wire], [1, 98, 1, 97, 0])
  t.equal(end, 21)
})

t.test('names for comparison', async (t) => {
  t.equal(nameKey(nameWire('wWw.Example')), nameKey(nameWire('www.example')))
  t.equal(plainName(nameWire('_Srv.Example.')), '_srv.example')
  t.equal(plainName(Buffer.from([3, 97, 46, 98, 0])), undefined, 'a dot in a label')
  t.equal(plainName(Buffer.from([0])), undefined, 'the root')
})

t.test('messages that cannot be read', async (t) => {
  const good = dnsQuery('a.test', 'A', { edns: 1232 })
  const changed = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(good)
    change(bytes)
    return bytes
  }
  const cases: readonly [what: string, bytes: Buffer][] = [
    ['empty', Buffer.alloc(0)],
    ['a header cut short', good.subarray(0, 11)],
    ['two questions', changed((bytes) => bytes.writeUInt16BE(2, 4))],
    ['a record too many', changed((bytes) => bytes.writeUInt16BE(1, 6))],
    ['a record too few', changed((bytes) => bytes.writeUInt16BE(0, 10))],
    ['cut in the question', good.subarray(0, 20)],
    ['cut in the OPT record', good.subarray(0, good.length - 2)],
    ['data longer than the message', changed((bytes) => bytes.writeUInt16BE(9, bytes.length - 2))],
    ['OPT with a name', changed((bytes) => bytes.writeUInt16BE(0xc00c, good.length - 11))],
    ['a question that is a pointer', Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])])],
  ]
  for (const [what, bytes] of cases) t.throws(() => readMessage(bytes), DnsFormatError, what)
  t.equal(readMessage(good).edns?.udpSize, 1232)
})

t.test('which records each filter leaves', async (t) => {
  const a = { type: 'A', name: 'x.test', ttl: 60, data: '192.0.2.1' } as const
  const aaaa = { type: 'AAAA', name: 'x.test', ttl: 60, data: '2001:db8::1' } as const
  const cname = { type: 'CNAME', name: 'x.test', ttl: 60, data: 'y.test' } as const
  const mx = { type: 'MX', name: 'x.test', ttl: 60, data: { preference: 1, exchange: 'x.test' } } as const
  const soa = {
    type: 'SOA',
    name: 'test',
    ttl: 60,
    data: { mname: 'ns.test', rname: 'n.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 9 },
  } as const
  const cases: readonly [what: string, type: string, dropped: (4 | 6)[], answers: object[], left: string[]][] = [
    ['A, nothing dropped', 'A', [], [a], ['A 192.0.2.1']],
    ['A, IPv4 dropped', 'A', [4], [a], []],
    ['A, IPv6 dropped', 'A', [6], [a], ['A 192.0.2.1']],
    ['AAAA, IPv6 dropped', 'AAAA', [6], [aaaa], []],
    ['AAAA behind an alias, IPv6 dropped', 'AAAA', [6], [cname, aaaa], []],
    ['ANY, IPv6 dropped', 'ANY', [6], [a, aaaa, mx], ['A 192.0.2.1', 'MX']],
    ['ANY, both dropped', 'ANY', [4, 6], [a, aaaa, mx], ['MX']],
  ]
  for (const [what, type, dropped, answers, left] of cases) {
    const response = dnsResponse(dnsQuery('x.test', type), { answers, additionals: [aaaa] } as never)
    const filtered = withoutFamilies(readMessage(response), new Set(dropped))
    t.same(seen(filtered)?.answers, left, what)
    t.equal(seen(filtered)?.rcode, 0, `${what}: NOERROR`)
    const glue = dnsPacket.decode(filtered).additionals ?? []
    t.equal(glue.length, dropped.includes(6) || (type === 'A' && dropped.includes(4)) ? 0 : 1, `${what}: additional`)
  }
  const no = dnsResponse(dnsQuery('x.test', 'AAAA'), { rcode: 3, authorities: [soa] } as never)
  t.equal(withoutFamilies(readMessage(no), new Set([6])), no, 'NXDOMAIN stays as it is')
  const nodata = dnsResponse(dnsQuery('x.test', 'AAAA'), { authorities: [soa] } as never)
  t.same(seen(withoutFamilies(readMessage(nodata), new Set([6])))?.authorities, ['SOA'], 'NODATA keeps its SOA')
})

t.test('address hints of SVCB and HTTPS', async (t) => {
  const param = (key: number, value: readonly number[]) => [key >> 8, key & 255, 0, value.length, ...value]
  const head = [0, 1, 1, 97, 0]
  const alpn = param(1, [2, 104, 50])
  const hint4 = param(4, [192, 0, 2, 1])
  const hint6 = param(
    6,
    Array.from({ length: 16 }, () => 1),
  )
  const cases: readonly [what: string, before: number[], dropped: (4 | 6)[], after: number[]][] = [
    ['IPv4 hint', [...head, ...alpn, ...hint4, ...hint6], [4], [...head, ...alpn, ...hint6]],
    ['IPv6 hint', [...head, ...alpn, ...hint4, ...hint6], [6], [...head, ...alpn, ...hint4]],
    ['both', [...head, ...alpn, ...hint4, ...hint6], [4, 6], [...head, ...alpn]],
    [
      'mandatory names it',
      [...head, ...param(0, [0, 1, 0, 4]), ...alpn, ...hint4],
      [4],
      [...head, ...param(0, [0, 1]), ...alpn],
    ],
    ['mandatory names nothing else', [...head, ...param(0, [0, 6]), ...hint6], [6], head],
    ['alias form', [0, 0, 1, 97, 0], [4, 6], [0, 0, 1, 97, 0]],
  ]
  for (const [what, before, dropped, after] of cases) {
    t.same([...withoutHints(Buffer.from(before), new Set(dropped))], after, what)
  }
  for (const cut of [[0], [0, 1], [...head, 0], [...head, 0, 4, 0, 4, 1], [...head, ...param(0, [1])]]) {
    t.throws(() => withoutHints(Buffer.from(cut), new Set([4])), DnsFormatError, `${cut}`)
  }
  const query = dnsQuery('x.test', 'A')
  query.writeUInt16BE(65, query.length - 4)
  const bytes = Buffer.from([...head, ...alpn, ...hint4])
  const https = Buffer.concat([query, Buffer.from([0xc0, 12, 0, 65, 0, 1, 0, 0, 0, 60, 0, bytes.length]), bytes])
  https.writeUInt16BE(0x81a0, 2)
  https.writeUInt16BE(1, 6)
  const filtered = readMessage(withoutFamilies(readMessage(https), new Set([4])))
  t.same([...filtered.bytes.subarray(filtered.records[0]!.dataAt)], [...head, ...alpn], 'in a whole message')
  t.equal(filtered.flags & 0x20, 0, 'what was changed is not authentic')
})

t.test('a message written anew says the same', async (t) => {
  const query = dnsQuery('x.test', 'ANY')
  const compressed = Buffer.concat([
    query,
    Buffer.from([0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 9, 0, 6, 0, 5, 1, 109, 0xc0, 12]), // MX 5 m.x.test
    Buffer.from([0xc0, 38, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]), // m.x.test A
  ])
  compressed.writeUInt16BE(0x8180, 2)
  compressed.writeUInt16BE(2, 6)
  const before = dnsPacket.decode(compressed).answers
  t.same(
    before?.map(({ type, name }) => [type, name]),
    [
      ['MX', 'x.test'],
      ['A', 'm.x.test'],
    ],
  )
  const message = readMessage(compressed)
  t.same(dnsPacket.decode(rebuild(message, () => 'keep')).answers, before)
  t.same(dnsPacket.decode(rebuild(message, ({ type }) => (type === 15 ? 'drop' : 'keep'))).answers, before?.slice(1))
})

t.test('a message that would grow without bound does not', async (t) => {
  // 5000 records of 12 octets that all point to one long name.
  const query = dnsQuery(Array.from({ length: 31 }, () => 'abcdefg').join('.'), 'A')
  const record = Buffer.from([0xc0, 14, 0, 16, 0, 1, 0, 0, 0, 1, 0, 0])
  const bomb = Buffer.concat([query, ...Array.from({ length: 5000 }, () => record)])
  bomb.writeUInt16BE(0x8180, 2)
  bomb.writeUInt16BE(5000, 6)
  t.throws(() => rebuild(readMessage(bomb), () => 'keep'), DnsFormatError)
})
