import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { ResolvedAddress } from '../../../src/contracts/resolver.ts'
import { createSystemResolver, type SystemResolverOptions } from '../../../src/dialers/resolver.ts'
import { failure } from '../../contract/stream-dialer.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const FIRST: readonly ResolvedAddress[] = [{ address: '192.0.2.1', family: 4 }]
const signal = new AbortController().signal

/** A resolver whose lookups end when the test says so. IPv4 alone is another test's. */
function scripted(options: Partial<SystemResolverOptions> = {}) {
  const clock = manualClock()
  const asked: string[] = []
  const open = new Map<string, { resolve(addresses: readonly ResolvedAddress[]): void; reject(error: unknown): void }>()
  const resolver = createSystemResolver({
    clock,
    maxRunning: 2,
    lookup: (name, family) =>
      new Promise((resolve, reject) => {
        // Beside both families: another test's.
        if (family === 4 && asked.includes(name)) return resolve([])
        const key = family === undefined ? name : `${name} IPv${family}`
        asked.push(key)
        open.set(key, { resolve, reject })
      }),
    ...options,
  })
  return {
    clock,
    asked,
    resolver,
    answer: (name: string) => open.get(name)!,
    settle: () => new Promise((done) => setImmediate(done)),
  }
}

t.test('localhost and addresses need no DNS', async (t) => {
  const { resolver, asked } = scripted()
  const loopback = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]
  t.same(await resolver.resolve('localhost', signal), loopback)
  t.same(await resolver.resolve('app.localhost', signal), loopback)
  t.same(await resolver.resolve('localhost.', signal), loopback, 'the absolute form of the same name')
  t.same(await resolver.resolve('LocalHost', signal), loopback)
  t.same(await resolver.resolve('192.0.2.7', signal), [{ address: '192.0.2.7', family: 4 }])
  t.same(await resolver.resolve('2001:db8::1', signal), [{ address: '2001:db8::1', family: 6 }])
  t.same(asked, [])
})

t.test('lookups of one name are shared, and the answer is used again for a second', async (t) => {
  const { resolver, asked, answer, clock } = scripted()
  const both = Promise.all([resolver.resolve('a.example', signal), resolver.resolve('a.example', signal)])
  answer('a.example').resolve(FIRST)
  t.same(await both, [FIRST, FIRST])
  t.same(await resolver.resolve('a.example', signal), FIRST)
  t.same(asked, ['a.example'])
  clock.advance(1000)
  const again = resolver.resolve('a.example', signal)
  t.same(asked, ['a.example', 'a.example'])
  answer('a.example').resolve(FIRST)
  await again
})

t.test('another network: answers of the old one are not used again, those still to come neither', async (t) => {
  const { resolver, asked, answer } = scripted({ maxRunning: 4 })
  const first = resolver.resolve('a.example', signal)
  answer('a.example').resolve(FIRST)
  await first
  const late = resolver.resolve('b.example', signal)
  resolver.forget?.()
  answer('b.example').resolve(FIRST)
  t.same(await late, FIRST)
  void resolver.resolve('a.example', signal)
  void resolver.resolve('b.example', signal)
  t.same(asked, ['a.example', 'b.example', 'a.example', 'b.example'])
  for (const name of ['a.example', 'b.example']) answer(name).resolve(FIRST)
})

t.test('who asks in another network does not join a lookup that the old one answers', async (t) => {
  const { resolver, asked, answer, settle } = scripted({ maxRunning: 4 })
  const before = resolver.resolve('a.example', signal)
  const old = answer('a.example')
  resolver.forget?.()
  const now: readonly ResolvedAddress[] = [{ address: '198.51.100.1', family: 4 }]
  const after = [resolver.resolve('a.example', signal), resolver.resolve('a.example', signal)]
  t.same(asked, ['a.example', 'a.example'], 'asked anew, once for both')
  old.resolve(FIRST)
  t.same(await before, FIRST)
  await settle()
  after.push(resolver.resolve('a.example', signal))
  t.equal(asked.length, 2, 'the late answer is neither remembered nor the end of the new lookup')
  answer('a.example').resolve(now)
  t.same(await Promise.all(after), [now, now, now])
})

t.test('failures are told apart in words and are not kept', async (t) => {
  for (const [code, words] of [
    ['ENOTFOUND', /does not exist in DNS/],
    ['EAI_AGAIN', /the DNS servers do not answer, or refuse to/],
    ['EAI_FAIL', /could not be resolved \(EAI_FAIL\)/],
  ] as const) {
    const { resolver, answer, asked } = scripted()
    const first = failure(resolver.resolve('a.example', signal))
    answer('a.example').reject(Object.assign(new Error(code), { code }))
    const error = await first
    t.equal(error.code, 'RESOLVE_FAILED')
    t.match(error.message, words)
    const second = failure(resolver.resolve('a.example', signal))
    t.equal(asked.length, 2, 'asked anew')
    answer('a.example').resolve([])
    t.match((await second).message, /has no address/)
  }
})

t.test('no more than the limit run at once; the others wait in line, and one nobody waits for leaves it', async (t) => {
  const { resolver, asked, answer, settle } = scripted()
  const impatient = new AbortController()
  const a = resolver.resolve('a.example', signal, { client: '192.0.2.10' })
  const b = resolver.resolve('b.example', signal)
  const c = failure(resolver.resolve('c.example', impatient.signal))
  const d = resolver.resolve('d.example', signal, { client: '192.0.2.10' })
  t.same(asked, ['a.example', 'b.example'])
  const reason = new Error('gone')
  impatient.abort(reason)
  t.equal(await c, reason)
  answer('a.example').resolve(FIRST)
  await a
  await settle()
  t.same(asked, ['a.example', 'b.example', 'd.example'], 'c is never asked for')
  answer('b.example').resolve(FIRST)
  answer('d.example').resolve(FIRST)
  await Promise.all([b, d])
})

t.test('one of two who wait may go', async (t) => {
  const { resolver, answer } = scripted()
  const impatient = new AbortController()
  const patient = resolver.resolve('a.example', signal)
  const gone = failure(resolver.resolve('a.example', impatient.signal))
  impatient.abort(new Error('gone'))
  t.equal((await gone).message, 'gone')
  answer('a.example').resolve(FIRST)
  t.same(await patient, FIRST)
})

t.test('the line has an end', async (t) => {
  const { resolver } = scripted({ maxRunning: 1, maxQueued: 4 })
  for (const name of ['a.example', 'b.example', 'c.example']) resolver.resolve(name, signal).catch(() => {})
  const error = await failure(resolver.resolve('d.example', signal))
  t.equal(error.code, 'LIMIT_REACHED')
  const joined = resolver.resolve('b.example', signal)
  joined.catch(() => {})
  t.pass('a name that already waits can still be waited for')
})

/** Asks for names of one label under the zone, and says which of them have been handed to the system. */
function asker({ resolver, asked }: Pick<ReturnType<typeof scripted>, 'resolver' | 'asked'>) {
  return (zone: string, count: number, client?: string) => {
    const names = Array.from({ length: count }, (_, i) => `${client ?? 'x'}-${asked.length}-${i}.${zone}`)
    for (const name of names) resolver.resolve(name, signal, { client }).catch(() => {})
    return names.filter((name) => asked.includes(name))
  }
}

t.test('nobody has more than half of what the others leave of the system’s lookups', async (t) => {
  const made = scripted({ maxRunning: 16 })
  const ask = asker(made)
  t.equal(ask('one.example', 40, 'a').length, 8)
  t.equal(ask('two.example', 40, 'b').length, 4)
  t.equal(ask('three.example', 40).length, 2, 'nor what is asked for nobody in particular')
  t.equal(ask('four.example', 40, 'c').length, 1)
  t.equal(ask('five.example', 40, 'd').length, 1, 'and the last one is for one more')
  t.equal(ask('six.example', 40, 'e').length, 0)
  const queued = made.asked.length
  made.answer(made.asked.find((name) => name.endsWith('one.example'))!).resolve(FIRST)
  await made.settle()
  t.equal(made.asked.length, queued + 1)
  t.match(made.asked.at(-1), /six\.example$/, 'a turn goes to whoever has had none')
})

t.test('a name that two wait for runs for the one who has a share left', async (t) => {
  const made = scripted({ maxRunning: 4 })
  const ask = asker(made)
  ask('one.example', 2, 'a')
  made.resolver.resolve('both.example', signal, { client: 'a' }).catch(() => {})
  t.notOk(made.asked.includes('both.example'))
  made.resolver.resolve('both.example', signal, { client: 'b' }).catch(() => {})
  t.ok(made.asked.includes('both.example'))
})

t.test('names of a zone whose servers are mute have a quarter of the lookups together, whoever asks', async (t) => {
  const made = scripted({ maxRunning: 32 })
  const ask = asker(made)
  t.equal(ask('corp.example.com', 3, 'a').length, 3)
  made.clock.advance(999)
  t.equal(ask('corp.example.com', 2, 'b').length, 2, 'nothing is known of the zone yet')
  made.clock.advance(1)
  t.equal(ask('corp.example.com', 40, 'c').length, 3, 'eight in all')
  t.equal(ask('corp.example.com', 40, 'd').length, 0)
  t.equal(ask('www.example.com', 2, 'd').length, 2, 'its neighbours are not meant')
  t.equal(ask('example.com', 1, 'd').length, 1)
  const error = Object.assign(new Error('EAI_AGAIN'), { code: 'EAI_AGAIN' })
  for (const name of made.asked.filter((one) => !one.includes('corp.'))) made.answer(name).resolve(FIRST)
  made.clock.advance(9000)
  for (const name of made.asked.filter((one) => one.includes('corp.'))) made.answer(name).reject(error)
  await made.settle()
  t.equal(made.asked.filter((one) => one.includes('corp.')).length, 16, 'the next eight')
})

t.test('a zone is slow no longer once it has answered soon, and in another network', async (t) => {
  const made = scripted({ maxRunning: 16 })
  const { resolver, clock, answer, asked, settle } = made
  const slow = failure(resolver.resolve('a.corp.example', signal, { client: 'a' }))
  clock.advance(10_000)
  answer('a.corp.example').reject(Object.assign(new Error('EAI_AGAIN'), { code: 'EAI_AGAIN' }))
  await slow
  const ask = asker(made)
  t.equal(ask('corp.example', 8, 'a').length, 4, 'a quarter')
  resolver.forget?.()
  t.equal(ask('corp.example', 8, 'b').length, 4, 'a half of what the other, who has its half now, leaves')
  const [first] = asked.filter((name) => name.startsWith('a-'))
  clock.advance(29_000)
  answer(first!).resolve(FIRST)
  await settle()
})

t.test('what the old network keeps says nothing of the zones of the new one', async (t) => {
  const made = scripted({ maxRunning: 16 })
  const ask = asker(made)
  const old = ask('corp.example', 2, 'a')
  made.clock.advance(5_000)
  await made.settle()
  made.resolver.forget?.()
  t.equal(ask('corp.example', 8, 'b').length, 7, 'half of what the two leave that still hang')
  for (const name of old) made.answer(name).resolve(FIRST)
  await made.settle()
  t.equal(ask('corp.example', 8, 'c').length, 4, 'nor does their end')
})

t.test('one client does not fill the line of those who wait', async (t) => {
  const { resolver } = scripted({ maxRunning: 1, maxQueued: 8 })
  const outcomes = { a: 0, b: 0 }
  for (const client of ['a', 'b'] as const) {
    for (let i = 0; i < 20; i++) {
      resolver
        .resolve(`${client}${i}.example`, signal, { client })
        .catch(({ code }: { code: string }) => (outcomes[client] += code === 'LIMIT_REACHED' ? 1 : 0))
    }
  }
  await new Promise((done) => setImmediate(done))
  t.same(outcomes, { a: 20 - 1 - 4, b: 20 - 2 })
})

t.test('the system itself: a name of the hosts file, and one that can not exist', async (t) => {
  const resolver = createSystemResolver({ clock: systemClock })
  const error = await failure(resolver.resolve('no-such-name.invalid', signal))
  t.equal(error.code, 'RESOLVE_FAILED')
})
