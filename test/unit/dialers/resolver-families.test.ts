import t from 'tap'
import type { ResolvedAddress } from '../../../src/contracts/resolver.ts'
import { createSystemResolver, type SystemResolverOptions } from '../../../src/dialers/resolver.ts'
import { failure } from '../../contract/stream-dialer.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const IPV4: readonly ResolvedAddress[] = [{ address: '192.0.2.1', family: 4 }]
const IPV6: readonly ResolvedAddress[] = [{ address: '2001:db8::1', family: 6 }]
const BOTH = [...IPV6, ...IPV4]
const signal = new AbortController().signal
const error = (code: string) => Object.assign(new Error(code), { code })

/** A resolver whose lookups end when the test says so: `name` is that of both families, `name/4` that of IPv4. */
function scripted(options: Partial<SystemResolverOptions> = {}) {
  const clock = manualClock()
  const asked: string[] = []
  const open = new Map<string, { resolve(found: readonly ResolvedAddress[]): void; reject(thrown: unknown): void }>()
  const resolver = createSystemResolver({
    clock,
    maxRunning: 2,
    cacheMs: 0,
    lookup: (name, family) =>
      new Promise((resolve, reject) => {
        const key = family === 4 ? `${name}/4` : name
        asked.push(key)
        open.set(key, { resolve, reject })
      }),
    ...options,
  })
  const settle = () => new Promise((done) => setImmediate(done))
  const ends = async (key: string, found: readonly ResolvedAddress[] | Error) => {
    const lookup = open.get(key)!
    if (found instanceof Error) lookup.reject(found)
    else lookup.resolve(found)
    await settle()
  }
  const resolve = (name: string, client?: string) => {
    const state = { found: undefined as readonly ResolvedAddress[] | undefined }
    const done = resolver.resolve(name, signal, { client }).then((found) => (state.found = found))
    done.catch(() => {})
    return Object.assign(state, { done })
  }
  /** Behind servers that leave IPv6 unanswered: the lookup of both families still runs after it. */
  const seeMute = async (name = 'first.example') => {
    const first = resolve(name)
    clock.advance(250)
    await ends(`${name}/4`, IPV4)
    clock.advance(250)
    await first.done
    asked.length = 0
  }
  return { clock, asked, resolver, ends, resolve, settle, seeMute }
}

t.test('servers that leave IPv6 unanswered: IPv4 is the answer after half a second', async (t) => {
  const { clock, asked, ends, resolve, settle } = scripted()
  const one = resolve('a.example')
  clock.advance(249)
  t.same(asked, ['a.example'], 'both families, and nothing beside as long as they may still come')
  clock.advance(1)
  t.same(asked, ['a.example', 'a.example/4'])
  await ends('a.example/4', IPV4)
  clock.advance(249)
  await settle()
  t.equal(one.found, undefined, 'IPv6 may be a little late')
  clock.advance(1)
  t.same(await one.done, IPV4)
  await ends('a.example', BOTH)
  t.same(one.found, IPV4, 'the rest is nobody’s')
})

t.test('IPv6 that is a little late is there, and nothing is remembered', async (t) => {
  const { clock, asked, ends, resolve } = scripted()
  const one = resolve('a.example')
  clock.advance(250)
  await ends('a.example/4', IPV4)
  clock.advance(249)
  await ends('a.example', BOTH)
  t.same(await one.done, BOTH)
  clock.advance(1000)
  void resolve('b.example')
  t.same(asked, ['a.example', 'a.example/4', 'b.example'])
  t.equal(clock.pending, 1, 'no timer is left of the first')
})

t.test(
  'where the first of several servers is silent, both families come late, and nothing is remembered',
  async (t) => {
    const { clock, asked, ends, resolve } = scripted()
    const one = resolve('a.example')
    clock.advance(5000)
    await ends('a.example', BOTH)
    t.same(await one.done, BOTH)
    await ends('a.example/4', IPV4)
    void resolve('b.example')
    t.same(asked, ['a.example', 'a.example/4', 'b.example'])
  },
)

t.test('a name without IPv4, and one that does not exist, wait for the whole answer', async (t) => {
  const { clock, ends, resolve } = scripted({ maxRunning: 4 })
  const six = resolve('six.example')
  const none = resolve('none.example')
  clock.advance(250)
  await ends('six.example/4', error('ENOTFOUND'))
  await ends('none.example/4', [])
  clock.advance(1000)
  await ends('six.example', IPV6)
  await ends('none.example', error('ENOTFOUND'))
  t.same(await six.done, IPV6)
  t.match((await failure(none.done)).message, /does not exist in DNS/)
})

t.test('where IPv6 has come in time, one name that is late takes it from no other', async (t) => {
  const { clock, asked, ends, resolve, seeMute } = scripted({ maxRunning: 8 })
  const both = resolve('both.example')
  await ends('both.example', BOTH)
  await both.done
  await seeMute('late.example')
  const next = resolve('next.example')
  t.same(asked, ['next.example'], 'both families at once, as before')
  await ends('next.example', BOTH)
  t.same(await next.done, BOTH)
  clock.advance(300_000)
  await seeMute('other.example')
  void resolve('then.example')
  t.same(asked, ['then.example/4'], 'that was long ago')
})

t.test('once seen: IPv4 alone is asked for first, and both only for names without', async (t) => {
  const { asked, ends, resolve, seeMute } = scripted()
  await seeMute()
  const four = resolve('four.example')
  t.same(asked, ['four.example/4'], 'in the one thread that is left')
  await ends('four.example/4', IPV4)
  t.same(await four.done, IPV4, 'at once')
  const six = resolve('six.example')
  await ends('six.example/4', error('ENOTFOUND'))
  await ends('six.example', IPV6)
  t.same(await six.done, IPV6)
  const dead = resolve('dead.example')
  await ends('dead.example/4', error('EAI_AGAIN'))
  t.match((await failure(dead.done)).message, /do not answer/)
  t.same(asked, ['four.example/4', 'six.example/4', 'six.example', 'dead.example/4'], 'silence is not asked twice')
})

t.test('once seen: a name that does not exist is told soon, but for what a hosts file has', async (t) => {
  const { clock, asked, ends, resolve, seeMute } = scripted({ maxRunning: 8 })
  await seeMute()
  const gone = Object.assign(error('ENOTFOUND'), { errno: -3008 })
  const none = resolve('none.example')
  const hosts = resolve('hosts.example')
  for (const name of ['none.example', 'hosts.example']) await ends(`${name}/4`, gone)
  await ends('hosts.example', IPV6)
  t.same(await hosts.done, IPV6)
  clock.advance(1000)
  t.match((await failure(none.done)).message, /does not exist in DNS/)
  t.same(asked.slice(2), ['none.example', 'hosts.example'])
  await ends('none.example', IPV6)
})

t.test('after a minute one name tries both again, and what it learns holds', async (t) => {
  for (const mute of [true, false]) {
    const { clock, asked, ends, resolve, seeMute } = scripted({ maxRunning: 8 })
    await seeMute()
    clock.advance(60_000)
    const one = resolve('one.example')
    const other = resolve('other.example')
    t.same(asked, ['one.example', 'other.example/4'])
    await ends('other.example/4', IPV4)
    t.same(await other.done, IPV4)
    if (mute) {
      clock.advance(250)
      await ends('one.example/4', IPV4)
      clock.advance(250)
      t.same(await one.done, IPV4)
    } else {
      await ends('one.example', BOTH)
      t.same(await one.done, BOTH)
    }
    asked.length = 0
    void resolve('next.example')
    t.same(asked, [mute ? 'next.example/4' : 'next.example'])
  }
})

t.test('a trial that fails is no word about IPv6', async (t) => {
  const { clock, asked, ends, resolve, seeMute } = scripted({ maxRunning: 8 })
  await seeMute()
  clock.advance(60_000)
  const one = resolve('one.example')
  await ends('one.example', error('ENOTFOUND'))
  await failure(one.done)
  void resolve('two.example')
  void resolve('three.example')
  t.same(asked, ['one.example', 'two.example', 'three.example/4'])
})

t.test('another network is asked for both families', async (t) => {
  const { clock, asked, ends, resolver, resolve, seeMute } = scripted({ maxRunning: 8 })
  await seeMute()
  const old = resolve('old.example')
  resolver.forget?.()
  const slow = resolve('slow.example')
  t.same(asked, ['old.example/4', 'slow.example'])
  clock.advance(250)
  await ends('slow.example/4', IPV4)
  resolver.forget?.()
  clock.advance(250)
  t.same(await slow.done, IPV4)
  void resolve('next.example')
  t.equal(asked.at(-1), 'next.example', 'nor does the old one say anything of it later')
  await ends('old.example/4', IPV4)
  t.same(await old.done, IPV4)
})

t.test('what still runs keeps its thread, and no more than those there are are ever used', async (t) => {
  const { clock, asked, ends, resolve } = scripted({ maxRunning: 2 })
  const one = resolve('a.example', 'a')
  const two = resolve('b.example', 'b')
  clock.advance(10_000)
  t.same(asked, ['a.example', 'b.example'], 'no thread for IPv4')
  const three = resolve('c.example', 'c')
  await ends('a.example', IPV4)
  t.same(await one.done, IPV4)
  t.same(asked.slice(2), ['b.example/4'], 'those who have waited long come first')
  await ends('b.example/4', IPV4)
  t.same(await two.done, IPV4, 'at once: IPv4 that came so late says what kind of server it is')
  t.same(asked.slice(3), ['c.example/4'])
  await ends('c.example/4', IPV4)
  t.same(await three.done, IPV4)
  void resolve('d.example', 'd')
  void resolve('e.example', 'e')
  t.same(asked.slice(4), ['d.example/4'], 'b.example still has the other one')
  await ends('b.example', IPV4)
  t.same(asked.slice(5), ['e.example/4'])
})

t.test('one client that began many names gets them all, and its share back', async (t) => {
  const { clock, asked, ends, resolve } = scripted({ maxRunning: 16 })
  const names = Array.from({ length: 8 }, (_, i) => `n${i}.corp.example`)
  const all = names.map((name) => resolve(name, 'a'))
  clock.advance(250)
  t.same(asked.slice(8), ['n0.corp.example/4'], 'one beside for each zone at a time')
  await ends('n0.corp.example/4', IPV4)
  for (const name of names.slice(1)) await ends(`${name}/4`, IPV4)
  clock.advance(250)
  for (const one of all) t.same(await one.done, IPV4)
  asked.length = 0
  clock.advance(5_000)
  for (let i = 0; i < 8; i++) void resolve(`m${i}.corp.example`, 'a')
  t.equal(asked.length, 4, 'half of what is left, and the zone is not taken for slow')
  t.ok(asked.every((key) => key.endsWith('/4')))
})

t.test(
  'servers that say nothing at all: a quarter of the threads besides, and never the last for a slow zone',
  async (t) => {
    const { clock, asked, ends, resolve } = scripted({ maxRunning: 16 })
    for (let i = 0; i < 8; i++) void resolve(`a.zone${i}.example`, 'a')
    clock.advance(250)
    t.equal(asked.filter((key) => key.endsWith('/4')).length, 4)
    const small = scripted({ maxRunning: 2 })
    void small.resolve('dead.example', 'a')
    small.clock.advance(10_000)
    for (const key of ['dead.example', 'dead.example/4']) await small.ends(key, error('EAI_AGAIN'))
    void small.resolve('dead.example', 'a')
    small.clock.advance(500)
    void small.resolve('www.other.example', 'b')
    t.same(small.asked, ['dead.example', 'dead.example/4', 'dead.example', 'www.other.example'])
    await ends('a.zone0.example/4', error('EAI_AGAIN'))
    t.equal(asked.filter((key) => key.endsWith('/4')).length, 5, 'the next has its turn')
  },
)
