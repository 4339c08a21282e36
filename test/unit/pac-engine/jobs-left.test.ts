import t, { type Test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import type { RowOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { ask, engineFor } from './engine-under-test.ts'

// What an evaluation leaves to its promises is its own: it is done before the next of its row begins, and in its time.

const NOW = Date.UTC(2026, 0, 5, 12)

async function vmFor(t: Test, script: string): Promise<(hosts: string[]) => Promise<RowOutcome>> {
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 100 }
  const vm = new PacVm(await quickjsModule(limits.memoryPages), limits)
  t.teardown(() => vm.dispose())
  const load = await vm.load(script, { now: NOW, dns: [] })
  if (load.is !== 'answer') throw new Error(JSON.stringify(load))
  const queries = (hosts: string[]) => hosts.map((host) => ({ url: `http://${host}:80`, host }))
  return (hosts) => vm.evaluateRow(queries(hosts), { now: NOW, trace: false })
}

t.test('a job that hangs is the failure of the query that left it', async (t) => {
  for (const hang of ['for (;;);', 'again()']) {
    const run = await vmFor(
      t,
      `function again() { Promise.resolve().then(again) }
       function FindProxyForURL(url, host) {
         if (host === "evil") Promise.resolve().then(function () { ${hang} })
         return host }`,
    )
    t.match(await run(['a', 'evil', 'c', 'd']), { is: 'broken', at: 1, outcome: { failure: { kind: 'time' } } }, hang)
  }
})

t.test('a job too deep for the stack is no other query’s failure', async (t) => {
  const run = await vmFor(
    t,
    `function deep() { deep() }
     function FindProxyForURL(url, host) {
       if (host === "evil") Promise.resolve().then(deep)
       return host }`,
  )
  const row = await run(['a', 'evil', 'c'])
  if (row.is === 'broken') t.equal(row.at, 1)
  else t.match(row, { is: 'mixed', outcomes: [{ answer: 'a' }, { answer: 'evil' }] })
})

t.test('jobs are done before the next query of the row, which sees what they did', async (t) => {
  const run = await vmFor(
    t,
    `var said = "nothing"
     function FindProxyForURL(url, host) {
       if (host === "b") Promise.resolve().then(function () { return host }).then(function (text) { said = text })
       return said }`,
  )
  const first = await run(['a', 'b', 'c', 'd'])
  t.match(first, { is: 'mixed', outcomes: [{ answer: 'nothing' }, { answer: 'nothing' }] })
  t.equal(first.is === 'mixed' && first.outcomes.length, 2, 'the rest are run after it')
  t.same(await run(['c', 'd']), { is: 'answers', text: '=b\n=b' })
})

t.test('in the engine: one leaves a job that hangs, and its neighbours have their answers', async (t) => {
  const engine = engineFor(
    t,
    `function FindProxyForURL(url, host) {
       if (host === "evil") Promise.resolve().then(function () { for (;;); })
       if (host[0] === "p") Promise.resolve().then(function () {})
       return "PROXY " + host + ":1" }`,
    { limits: { threads: 1, evaluateMs: 100 } },
  )
  await engine.ready
  await Promise.all(Array.from({ length: 200 }, (_, i) => ask(engine, `warm${i}`)))
  for (let round = 0; round < 3; round++) {
    const hosts = Array.from({ length: 16 }, (_, i) => (i === 3 ? 'evil' : `${i % 2 ? 'p' : 'q'}${round}-${i}`))
    const answers = await Promise.all(hosts.map((host) => ask(engine, host)))
    t.same(
      answers.map((answer) => (answer instanceof GatewayError ? answer.message : answer)).filter((_, i) => i !== 3),
      hosts.filter((host) => host !== 'evil').map((host) => `PROXY ${host}:1`),
    )
  }
})
