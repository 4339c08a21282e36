import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { ResolvedAddress } from '../../../src/contracts/resolver.ts'
import { StartNames } from '../../../src/pac-engine/start-names.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'
import { ask, engineFor } from './engine-under-test.ts'

t.test('a start does not wait for all names of global code that are slow to resolve', async (t) => {
  const waiting = new Map<string, (addresses: readonly ResolvedAddress[]) => void>()
  const said: string[] = []
  const script = `var found = 0
    for (var i = 1; i <= 3; i++) found += isResolvable("dead" + i + ".test") ? 1 : 0
    function FindProxyForURL() { return "PROXY p:" + found }`
  const engine = engineFor(t, script, {
    resolver: { resolve: (name) => new Promise((resolve) => waiting.set(name, resolve)) },
    startNamesMs: 1,
    log: (_, message) => said.push(message),
  })
  await engine.ready
  t.same([...waiting.keys()], ['dead1.test'])
  t.match(said, [/is not loaded yet: its global code waits for names \(dead1\.test\)/])
  const early = await ask(engine, 'a')
  t.match(early, { code: 'PAC_FAILED', message: /waits for names \(dead1\.test\)/ })
  t.ok(early instanceof GatewayError && early.hint)
  for (const name of ['dead1.test', 'dead2.test', 'dead3.test']) {
    await until(`${name} is asked for`, () => waiting.has(name))
    waiting.get(name)?.([{ address: '192.0.2.1', family: 4 }])
  }
  await until('it is in use', () => engine.status().sha256 !== undefined)
  t.equal(await ask(engine, 'b'), 'PROXY p:3')
})

t.test('further names of what came too late do not cut short the wait for the version on disk', async (t) => {
  const clock = manualClock()
  const names = new StartNames(clock, 5_000)
  const fresh = names.limit('fresh', new Promise(() => {}))
  names.waits('fresh', ['dead1.test'])
  clock.advance(5_000)
  await fresh
  let over = false
  const stored = names.limit('stored', new Promise(() => {})).then(() => {
    over = true
  })
  names.waits('fresh', ['dead2.test'])
  clock.advance(0)
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(over)
  names.waits('stored', ['dead3.test'])
  clock.advance(0)
  await stored
  t.match(names.late, /dead1\.test/, 'its own names do: the time is one for both')
})
