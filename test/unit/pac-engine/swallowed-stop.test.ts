import t from 'tap'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'

/** QuickJS drops the exception that ends a script where a promise takes it. */
const SCRIPT = `function FindProxyForURL(url, host) {
  if (host === "evil") new Promise(function () { for (;;); })
  if (host === "job") Promise.resolve().then(function () { for (;;); })
  return host }`

t.test('one that was stopped, and took no notice, is the one that broke its row', async (t) => {
  const vm = new PacVm(await quickjsModule(DEFAULT_LIMITS.memoryPages), { ...DEFAULT_LIMITS, evaluateMs: 50 })
  t.teardown(() => vm.dispose())
  for (const hosts of [
    ['a', 'evil', 'b', 'c'],
    ['evil', 'b'],
    ['a', 'b', 'evil'],
  ]) {
    await vm.load(SCRIPT, { now: 0, dns: [] })
    const row = hosts.map((host) => ({ url: `http://${host}/`, host }))
    const outcome = await vm.evaluateRow(row, { now: 0, trace: false })
    t.match(
      outcome,
      { is: 'broken', at: hosts.indexOf('evil'), outcome: { is: 'failed', failure: { kind: 'time' } } },
      hosts.join(' '),
    )
    t.notOk(vm.usable, 'it is to be put back')
  }
})

t.test('global code that takes no notice of its stop is not loaded', async (t) => {
  const vm = new PacVm(await quickjsModule(DEFAULT_LIMITS.memoryPages), { ...DEFAULT_LIMITS, loadMs: 50 })
  t.teardown(() => vm.dispose())
  const outcome = await vm.load(
    `var inside = ['a']; new Promise(function () { for (;;); }); inside.push('b')
    function FindProxyForURL() { return 'PROXY ' + inside }`,
    { now: 0, dns: [] },
  )
  t.match(outcome, { is: 'failed', loading: true, failure: { kind: 'time' } })
  t.notOk(vm.usable)
})
