import dnsPacket from 'dns-packet'
import t from 'tap'
import type { Resolver } from '../../src/contracts/resolver.ts'
import { AnswerCache } from '../../src/dns/answer-cache.ts'
import { Answerer } from '../../src/dns/answerer.ts'
import { Lookups } from '../../src/dns/lookups.ts'
import { Upstream } from '../../src/dns/upstream.ts'
import { withoutFamilies } from '../../src/wire/dns/family-filter.ts'
import { DnsFormatError } from '../../src/wire/dns/format-error.ts'
import { readMessage } from '../../src/wire/dns/message.ts'
import { rebuild } from '../../src/wire/dns/rebuild.ts'
import { dnsQuery, dnsResponse } from '../fixtures/dns-messages.ts'
import { manualClock } from '../fixtures/manual-clock.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 10_000
const SEED = 0x0d25

t.test(`${ROUNDS} damaged queries: an answer with the query's id, or silence, and never a crash`, async (t) => {
  const clock = manualClock()
  const resolver: Resolver = { resolve: async () => [{ address: '192.0.2.1', family: 4 }] }
  const lookups = new Lookups({
    clock,
    resolver,
    upstream: new Upstream({ clock, randomId: () => 1 }),
    cache: new AnswerCache({ clock, maxEntries: 100, maxTtl: 60, maxNegativeTtl: 60 }),
    servers: () => [],
    zones: new Map(),
    hostTtl: 30,
    maxRunning: 100,
  })
  const answerer = new Answerer({
    clock,
    lookups,
    timeoutMs: 1000,
    specialAddresses: { host: ['192.0.2.254'], gateway: ['192.0.2.1'] },
    ipv6ForAll: false,
    containerNames: false,
    askers: { at: () => undefined, isContainers: () => false },
    dropped: async () => new Set<4 | 6>([6]),
    droppedHere: new Set(),
    maxWaiting: 1000,
    maxWaitingPerClient: 1000,
  })
  const random = seededRandom(SEED)
  const rcodes = new Map<number, number>()
  const wrong: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const query = damagedQuery(random)
    const transport = random.pick(['udp', 'tcp'] as const)
    const answer = await answerer.answer(query, { address: '192.0.2.9', transport })
    const isQuery = query.length >= 12 && (query[2]! & 0x80) === 0
    if (!answer) {
      if (isQuery) wrong.push(`silence: ${query.toString('hex')}`)
      continue
    }
    if (!isQuery || answer.readUInt16BE(0) !== query.readUInt16BE(0) || (answer[2]! & 0x80) === 0) {
      wrong.push(`not its answer: ${query.toString('hex')}`)
    }
    // What we send can be read, whatever came.
    readMessage(answer)
    rcodes.set(answer[3]! & 0xf, (rcodes.get(answer[3]! & 0xf) ?? 0) + 1)
  }
  t.same(wrong, [])
  t.equal(answerer.waiting, 0, 'nothing is left waiting')
  for (const rcode of [0, 1, 2, 4, 5])
    t.ok((rcodes.get(rcode) ?? 0) > 20, `rcode ${rcode} came up: ${rcodes.get(rcode)}`)
})

t.test(`${ROUNDS} damaged answers: read, filtered and written anew, or refused as malformed`, async (t) => {
  const random = seededRandom(SEED + 1)
  let read = 0
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = damagedAnswer(random)
    try {
      const message = readMessage(bytes)
      read++
      const filtered = withoutFamilies(message, new Set([random.pick([4, 6] as const)]))
      readMessage(filtered)
      const again = rebuild(message, () => random.pick(['keep', 'drop'] as const))
      readMessage(again)
    } catch (thrown) {
      if (!(thrown instanceof DnsFormatError)) throw thrown
    }
  }
  t.ok(read > ROUNDS / 20 && read < ROUNDS, `${read} could be read`)
})

t.test('what our reader takes, dns-packet reads alike; what it cannot take is the reason for ours', async (t) => {
  const query = dnsQuery('Www.Example', 'MX')
  const answer = dnsResponse(query, {
    answers: [{ type: 'MX', name: 'Www.Example', ttl: 5, data: { preference: 7, exchange: 'm.example' } }],
  } as never)
  t.same(dnsPacket.decode(rebuild(readMessage(answer), () => 'keep')).answers, dnsPacket.decode(answer).answers)
  const dotted = Buffer.concat([query.subarray(0, 12), Buffer.from([3, 97, 46, 98, 0, 0, 1, 0, 1])])
  t.equal(
    dnsPacket.decode(dotted).questions?.[0]?.name,
    'a.b',
    'dns-packet takes a dot in a label for one between labels',
  )
  t.equal(readMessage(dotted).question?.name.length, 5)
})

function damagedQuery(random: SeededRandom): Buffer {
  const names = ['example', 'host.docker.internal', 'a.b.c.test', 'x'.repeat(60), '.']
  const query = Buffer.from(
    dnsQuery(random.pick(names), random.pick(['A', 'AAAA', 'MX', 'ANY', 'AXFR', 'TXT']), {
      id: random.below(65_536),
      ...(random.below(2) === 0 ? { edns: random.below(65_536) } : {}),
    }),
  )
  return damaged(query, random)
}

function damagedAnswer(random: SeededRandom): Buffer {
  const name = random.pick(['example', 'a.b.test'])
  const answers = [
    { type: 'A', name, ttl: 5, data: '192.0.2.1' },
    { type: 'CNAME', name, ttl: 5, data: 'other.test' },
    { type: 'MX', name, ttl: 5, data: { preference: 7, exchange: 'm.example' } },
    { type: 'SRV', name, ttl: 5, data: { port: 1, target: 's.example', priority: 1, weight: 1 } },
    { type: 'AAAA', name, ttl: 5, data: '2001:db8::1' },
  ].filter(() => random.below(2) === 0)
  const bytes = Buffer.from(dnsResponse(dnsQuery(name, random.pick(['A', 'AAAA', 'ANY'])), { answers } as never))
  // Pointers and types that the encoder does not write.
  if (random.below(2) === 0 && bytes.length > 40) bytes.writeUInt16BE(0xc000 | random.below(64), 24 + random.below(10))
  if (random.below(3) === 0 && bytes.length > 40)
    bytes.writeUInt16BE(random.pick([64, 65, 6, 35, 33]), 20 + random.below(20))
  return random.below(4) === 0 ? bytes : damaged(bytes, random)
}

function damaged(bytes: Buffer, random: SeededRandom): Buffer {
  switch (random.below(5)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length + 1))
    case 1:
      return Buffer.concat([bytes, Buffer.from(Array.from({ length: random.below(40) }, () => random.below(256)))])
    case 2:
      return bytes
    default:
      for (let left = 1 + random.below(4); left > 0; left--) bytes[random.below(bytes.length)] = random.below(256)
      return bytes
  }
}
