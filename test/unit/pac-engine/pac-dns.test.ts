import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../../../src/contracts/resolver.ts'
import { createSystemResolver } from '../../../src/dialers/resolver.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { OWN, PacDns } from '../../../src/pac-engine/pac-dns.ts'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'
import { ask, engineFor, tableResolver } from './engine-under-test.ts'

/** The system answers one name at a time, when the test says so. */
function oneAtATime() {
  const clock = manualClock()
  const asked = new Map<string, (addresses: readonly ResolvedAddress[]) => void>()
  const resolver = createSystemResolver({
    clock,
    maxRunning: 1,
    cacheMs: 0,
    lookup: (name) => new Promise((answer) => asked.set(name, answer)),
  })
  const dns = new PacDns({ resolver, clock, limits: DEFAULT_LIMITS, myAddresses: async () => [], onChange: () => {} })
  const answer = async (name: string, address: string) => {
    await until(`the system is asked for ${name}`, () => asked.has(name))
    asked.get(name)?.([{ address, family: 4 }])
  }
  return { clock, dns, answer }
}

t.test('a name that waits for its turn behind a slow one is not taken for one that does not resolve', async (t) => {
  const { clock, dns, answer } = oneAtATime()
  const slow = dns.resolve(['slow.test'])
  const fast = dns.resolve(['fast.test'])
  clock.advance(DEFAULT_LIMITS.dnsNameMs)
  await slow
  t.same(dns.entries(), [['slow.test', null]], 'it had its time, and did not answer in it')
  await answer('slow.test', '192.0.2.1')
  await answer('fast.test', '192.0.2.2')
  await fast
  t.same(new Map(dns.entries() as [string, string][]).get('fast.test'), '192.0.2.2')
})

t.test('a name is waited for longer than the system waits for the first of its servers', async (t) => {
  const { clock, dns, answer } = oneAtATime()
  const slow = dns.resolve(['slow.test'])
  clock.advance(5_100)
  await answer('slow.test', '192.0.2.1')
  t.same(await slow, [['slow.test', '192.0.2.1']])
})

t.test('an answer that comes too late holds from then on, but for that of another network', async (t) => {
  for (const changes of [false, true]) {
    const { clock, dns, answer } = oneAtATime()
    const slow = dns.resolve(['slow.test'])
    clock.advance(DEFAULT_LIMITS.dnsNameMs)
    t.same(await slow, [['slow.test', null]])
    if (changes) dns.forgetAll()
    await answer('slow.test', '192.0.2.1')
    await new Promise((later) => setImmediate(later))
    t.same(dns.entries(), changes ? [] : [['slow.test', '192.0.2.1']])
    t.equal(dns.expiryOf(['slow.test'], 1), 0, 'what was decided by its silence is decided anew')
  }
})

t.test('a name whose turn does not come decides nothing, and is asked for again', async (t) => {
  const { clock, dns, answer } = oneAtATime()
  const stuck = dns.resolve(['stuck.test'])
  const other = dns.resolve(['other.test'])
  clock.advance(DEFAULT_LIMITS.dnsTurnMs)
  await stuck
  await t.rejects(other, { code: 'LIMIT_REACHED', message: /waits behind others/ })
  t.same(dns.entries(), [['stuck.test', null]])
  await answer('stuck.test', '192.0.2.1')
  const again = dns.resolve(['other.test'])
  await answer('other.test', '192.0.2.2')
  await again
  t.same(new Map(dns.entries() as [string, string][]).get('other.test'), '192.0.2.2')
})

t.test('names asked for together: what the old network answered of them is nothing in the new one', async (t) => {
  const answers = new Map<string, (addresses: ResolvedAddress[]) => void>()
  const resolver: Resolver = { resolve: (name) => new Promise((resolve) => answers.set(name, resolve)) }
  const clock = manualClock()
  const dns = new PacDns({ resolver, myAddresses: async () => [], clock, limits: DEFAULT_LIMITS, onChange() {} })
  const both = dns.resolve(['a.test', 'b.test'])
  answers.get('a.test')?.([{ address: '192.0.2.1', family: 4 }])
  await until('one is known', () => dns.entries().length > 0)
  dns.forgetAll()
  answers.get('b.test')?.([{ address: '192.0.2.2', family: 4 }])
  t.same(await both, [])
})

t.test('nobody waits to the end for a server that the network before had', async (t) => {
  const clock = manualClock()
  const given: AbortSignal[] = []
  const resolver: Resolver = {
    resolve: (_name, signal) => {
      given.push(signal)
      return new Promise(() => {})
    },
  }
  const own = () => new Promise<string[]>(() => {})
  const dns = new PacDns({ resolver, myAddresses: own, clock, limits: DEFAULT_LIMITS, onChange() {} })
  const waiting = [dns.resolve(['a.test', OWN]), dns.resolve(['b.test'])]
  dns.forgetAll()
  t.same(await Promise.all(waiting), [[], []])
  t.same(
    given.map(({ aborted }) => aborted),
    [true, true],
    'nor does its place in the line',
  )
  t.same([dns.entries(), clock.pending], [[], 0])
})

t.test('a turn that did not come in the network before is nothing in this one', async (t) => {
  const { clock, dns } = oneAtATime()
  const stuck = dns.resolve(['stuck.test'])
  const other = dns.resolve(['other.test'])
  dns.forgetAll()
  t.same(await Promise.all([stuck, other]), [[], []])
  clock.advance(DEFAULT_LIMITS.dnsTurnMs)
  t.same(dns.entries(), [])
})

t.test('a resolver that has too much to do has not said that there is no such name', async (t) => {
  const clock = manualClock()
  const resolver: Resolver = {
    async resolve(name) {
      if (name === 'gone.test') throw new GatewayError('RESOLVE_FAILED', 'no such name')
      throw new GatewayError('LIMIT_REACHED', 'too many lookups wait')
    },
  }
  const dns = new PacDns({ resolver, myAddresses: async () => [], clock, limits: DEFAULT_LIMITS, onChange() {} })
  await dns.resolve(['gone.test'])
  await t.rejects(dns.resolve(['there.test']), { code: 'LIMIT_REACHED' })
  t.same(dns.entries(), [['gone.test', null]])
})

t.test('a text that is longer than any name is not one, and never leaves the script', async (t) => {
  const resolver = tableResolver({})
  const script = `var ascii = 'a'.repeat(4e6), han = '名'.repeat(1e5)
function FindProxyForURL(url, host) {
  var long = [dnsResolve(host + ascii), dnsResolve(host + han), isResolvable(ascii), dnsResolveEx(ascii), isResolvableEx(ascii)]
  return 'PROXY ' + [].concat(long, isInNet(ascii, '10.0.0.0', '255.0.0.0'), dnsResolve('a'.repeat(255))).join('-') + ':1'
}`
  const engine = engineFor(t, script, { resolver })
  await engine.ready
  const cpu = process.cpuUsage()
  for (const host of ['one', 'two', 'three']) t.equal(await ask(engine, host), 'PROXY --false--false-false-:1')
  const { user, system } = process.cpuUsage(cpu)
  t.ok((user + system) / 1000 < 2_000, `${(user + system) / 1000} ms of CPU`)
  t.same(
    resolver.asked.filter((name) => name.length > 255),
    [],
  )
})

// Chromium: net/base/ip_address.cc, AssignFromIPLiteral, before any resolver is asked.
t.test('IPv4 in every spelling that a URL may have is an address, and nobody is asked', async (t) => {
  const spellings = ['0xa.1', '010.1.2.3', '127.1', '2130706433', '10.1.2.3.']
  const usual = ['10.0.0.1', '8.1.2.3', '127.0.0.1', '127.0.0.1', '10.1.2.3']
  const script = `function FindProxyForURL() { return ${JSON.stringify(spellings)}.map(function (s) { return dnsResolve(s) }).join() }`
  const resolver = tableResolver({})
  const evaluator = new PacEvaluator({ resolver })
  t.teardown(() => evaluator.close())
  const query = { script, origin: 'test', url: 'http://a/', host: 'a' }
  t.equal((await evaluator.evaluate(query)).result, usual.join())
  t.equal((await evaluator.evaluate({ ...query, dns: new Map() })).result, usual.join(), 'with made-up answers too')
  t.equal(await ask(engineFor(t, script, { resolver }), 'a'), usual.join())
  t.same(resolver.asked, [])
})
