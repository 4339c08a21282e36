import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { Failures } from '../../../src/dns/failures.ts'
import { testAnswerer } from '../../fixtures/dns-answerer.ts'
import { dnsQuery, dnsResponse, seen } from '../../fixtures/dns-messages.ts'
import { fakeDnsServer } from '../../fixtures/dns-server.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

t.test('a name that no server answers for is not asked about again for a second', async (t) => {
  const clock = manualClock()
  const broken = await fakeDnsServer(t, (query) => [dnsResponse(query, { rcode: 2 } as never)])
  const { ask, lookups } = testAnswerer({ clock, zones: { corp: [broken] } })
  const rcode = async (name = 'x.corp') => seen(await ask(dnsQuery(name, 'A')))?.rcode
  t.equal(await rcode(), 2)
  const { length } = broken.queries
  clock.advance(999)
  t.equal(await rcode(), 2)
  t.equal(broken.queries.length, length, 'told at once')
  t.equal(await rcode('y.corp'), 2)
  t.equal(broken.queries.length, 2 * length, 'another name')
  clock.advance(1)
  t.equal(await rcode(), 2)
  t.equal(broken.queries.length, 3 * length, 'a second later')
  lookups.forget()
  t.equal(await rcode(), 2)
  t.equal(broken.queries.length, 4 * length, 'in another network')
})

t.test('the same of servers that say nothing at all', async (t) => {
  const clock = manualClock()
  const silent = await fakeDnsServer(t, () => [])
  const { ask } = testAnswerer({ clock, zones: { corp: [silent] }, timeoutMs: 900 })
  const first = ask(dnsQuery('x.corp', 'A'))
  await until('the question', () => silent.queries.length === 1)
  clock.advance(900)
  t.equal(seen(await first)?.rcode, 2)
  t.equal(seen(await ask(dnsQuery('x.corp', 'A')))?.rcode, 2)
  t.equal(silent.queries.length, 1)
})

t.test('one client’s want of room is no other’s', async (t) => {
  let tries = 0
  const { ask } = testAnswerer({
    clock: manualClock(),
    resolver: {
      async resolve() {
        tries += 1
        if (tries === 1) throw new GatewayError('LIMIT_REACHED', 'other names are waiting')
        return [{ address: '192.0.2.1', family: 4 }]
      },
    },
  })
  t.equal(seen(await ask(dnsQuery('x.test', 'A')))?.rcode, 2)
  t.same(seen(await ask(dnsQuery('x.test', 'A')))?.answers, ['A 192.0.2.1'])
})

t.test('a name that waited for its client’s turn is looked up for the next one', async (t) => {
  const clock = manualClock()
  const { ask } = testAnswerer({ clock, hosts: { 'x.test': 'hangs' }, timeoutMs: 100 })
  const asked: Promise<Buffer | undefined>[] = [ask(dnsQuery('x.test', 'A'))]
  clock.advance(100)
  await asked[0]
  let isOver = false
  const next = ask(dnsQuery('x.test', 'A')).then(() => {
    isOver = true
  })
  await new Promise(setImmediate)
  t.notOk(isOver)
  clock.advance(100)
  await next
})

t.test('there is an end to what is remembered, and the oldest goes first', async (t) => {
  const failures = new Failures(manualClock())
  for (let count = 0; count <= 1_000; count += 1) failures.remember(`${count}`, new Error(`${count}`))
  failures.throwIfKnown('0')
  t.throws(() => failures.throwIfKnown('1'), { message: '1' })
  t.throws(() => failures.throwIfKnown('1000'), { message: '1000' })
})
