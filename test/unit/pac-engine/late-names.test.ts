import t from 'tap'
import type { ResolvedAddress, Resolver } from '../../../src/contracts/resolver.ts'
import { createSystemResolver } from '../../../src/dialers/resolver.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'
import { engineFor } from './engine-under-test.ts'

const silent = () => new Promise<never>(() => {})

t.test('servers that leave IPv6 unanswered: isInNet knows the address that was there at once', async (t) => {
  const clock = manualClock()
  const asked: string[] = []
  const lookup = (name: string, family?: 4): Promise<readonly ResolvedAddress[]> => {
    asked.push(`${name} ${family ?? 'both'}`)
    return family === undefined ? silent() : Promise.resolve([{ address: '10.1.2.3', family: 4 }])
  }
  const resolver = createSystemResolver({ clock, lookup })
  const script =
    'function FindProxyForURL(url, host) { return isInNet(host, "10.0.0.0", "255.0.0.0") ? "PROXY in:1" : "PROXY out:1" }'
  const engine = engineFor(t, script, { resolver, clock })
  await engine.ready
  const find = (host: string) => engine.find({ url: `http://${host}:80`, host }, new AbortController().signal)
  const first = find('intra.corp')
  await until('the system is asked', () => asked.length > 0)
  clock.advance(250)
  // The answer for IPv4 comes in a later turn of the event loop.
  await new Promise((done) => setImmediate(done))
  clock.advance(250)
  t.equal((await first).result, 'PROXY in:1')
  t.equal((await find('wiki.corp')).result, 'PROXY in:1', 'the next one at once')
  t.same(asked, ['intra.corp both', 'intra.corp 4', 'wiki.corp 4'])
})

const SCRIPT = `function FindProxyForURL(url, host) {
  return isInNet(host, "10.0.0.0", "255.0.0.0") || dnsResolveEx(host) ? "PROXY in:1" : "PROXY out:1"
}`

/** One name is never answered, the other does not exist. */
const resolver: Resolver = {
  resolve: (name) => (name === 'late.corp' ? silent() : Promise.reject(new Error('no such name'))),
}

t.test('a name that has got no answer in its time is told from one that does not exist', async (t) => {
  const clock = manualClock()
  const asked: string[] = []
  const heard: Resolver = {
    resolve(name, signal) {
      asked.push(name)
      return resolver.resolve(name, signal)
    },
  }
  const engine = engineFor(t, SCRIPT, { resolver: heard, clock })
  await engine.ready
  const answersFor = async (host: string) => {
    const found = engine.find({ url: `http://${host}:80`, host, trace: true }, new AbortController().signal)
    await until('its name is looked up', () => asked.includes(host))
    if (host === 'late.corp') clock.advance(DEFAULT_LIMITS.dnsNameMs)
    return (await found).trace?.calls.map(({ name, answer }) => `${name} → ${answer}`)
  }
  t.same(await answersFor('late.corp'), [
    'dnsResolve → null (no answer within 6 s)',
    'isInNet → false',
    'dnsResolveEx → (no answer within 6 s)',
  ])
  t.same(await answersFor('none.corp'), ['dnsResolve → null', 'isInNet → false', 'dnsResolveEx → '])
})

t.test('pac eval says so too', async (t) => {
  const evaluator = new PacEvaluator({ resolver, limits: { dnsNameMs: 20, dnsSlowMs: 10 } })
  // A real lookup keeps the process running; this one has nothing that does.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => {
    clearInterval(alive)
    return evaluator.close()
  })
  const answersFor = async (host: string) => {
    const request = { script: SCRIPT, origin: 'test', url: `http://${host}/`, host, trace: true }
    return (await evaluator.evaluate(request)).notes.calls.map(([, , answer]) => answer)
  }
  t.same((await answersFor('late.corp'))[0], 'null (no answer within 0.02 s)')
  t.same(await answersFor('none.corp'), ['null', 'false', ''])
})
