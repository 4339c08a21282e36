import t from 'tap'
import { type Clock, systemClock } from '../../../src/contracts/clock.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacEvaluator } from '../../../src/pac-engine/pac-evaluator.ts'
import { ask, engineFor, tableResolver } from './engine-under-test.ts'

// Chromium bounds the names of each execution, and goes on after that.

const lookUp = (count: number, prefix: string) =>
  `for (var i = 0; i < ${count}; i++) sum += dnsResolve("${prefix}" + i + ".test") ? 1 : 0`
const script = (global: number, own: number, rest = '') => `var sum = 0; ${lookUp(global, 'g')}; var found = sum
  function FindProxyForURL() { var sum = found; ${lookUp(own, 'f')}; ${rest}; return "PROXY p:" + sum }`
const table = Object.fromEntries(
  ['g', 'f'].flatMap((prefix) => Array.from({ length: 40 }, (_, i) => [`${prefix}${i}.test`, ['192.0.2.1']])),
)

t.test('the names of a VM’s loading do not count with the evaluation’s', async (t) => {
  for (const rest of ['', 'try { null.x } catch (e) {}']) {
    let later = 0
    const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + later }
    const resolver = tableResolver(table)
    const engine = engineFor(t, script(12, 12, rest), { resolver, clock })
    await engine.ready
    t.equal(await ask(engine, 'a'), 'PROXY p:24')
    later += DEFAULT_LIMITS.dnsGoodMs
    t.equal(await ask(engine, 'b'), 'PROXY p:24', 'asked for again')
    later += DEFAULT_LIMITS.dnsGoodMs
    t.equal(await ask(engine, 'c'), 'PROXY p:24', 'and again')
  }
})

t.test('twenty names each, and what is beyond does not resolve', async (t) => {
  const engine = engineFor(t, script(30, 30), { resolver: tableResolver(table) })
  t.equal(await ask(engine, 'a'), 'PROXY p:40')
})

t.test('pac eval counts the same', async (t) => {
  const evaluator = new PacEvaluator({ resolver: tableResolver({}) })
  t.teardown(() => evaluator.close())
  const dns = new Map(Object.entries(table))
  const query = { url: 'http://a/', host: 'a', origin: 'test' }
  for (const [global, own, found] of [
    [12, 12, 24],
    [30, 30, 40],
  ] as const) {
    const { result } = await evaluator.evaluate({ ...query, script: script(global, own), dns })
    t.equal(result, `PROXY p:${found}`)
    const none = await evaluator.evaluate({ ...query, script: script(global, own), dns: new Map() })
    t.equal(none.result, 'PROXY p:0', 'none resolves')
  }
})

t.test('of names whose exception is caught as many are looked up', async (t) => {
  const resolver = tableResolver(table)
  const caught = `function FindProxyForURL() { var found = 0
    for (var i = 0; i < 40; i++) try { found += dnsResolve("f" + i + ".test") ? 1 : 0 } catch (e) {}
    return "PROXY p:" + found }`
  const engine = engineFor(t, caught, { resolver })
  t.equal(await ask(engine, 'a'), 'PROXY p:20')
  t.equal(resolver.asked.length, 20)
})

t.test('one that asks until it is answered is answered', async (t) => {
  const again =
    'function FindProxyForURL() { while (true) try { return "PROXY " + dnsResolve("g1.test") + ":1" } catch (e) {} }'
  t.equal(await ask(engineFor(t, again, { resolver: tableResolver(table) }), 'a'), 'PROXY 192.0.2.1:1')
})
