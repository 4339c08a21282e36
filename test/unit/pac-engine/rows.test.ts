import { isDeepStrictEqual } from 'node:util'
import t, { type Test } from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { DEFAULT_LIMITS, type PacLimits } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import type { RowOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { ask, engineFor } from './engine-under-test.ts'

// Several queries in one call of the VM: each has its own answer, its own limit and its own notes.

const ROW = ['a', 'b', 'c', 'd'].map((host) => ({ url: `http://${host}:80`, host }))
const NOW = Date.UTC(2026, 0, 5, 12)

async function run(t: Test, body: string, limits: Partial<PacLimits> = {}, turns: number[] = []): Promise<RowOutcome> {
  const all = { ...DEFAULT_LIMITS, evaluateMs: 200, ...limits }
  const vm = new PacVm(await quickjsModule(all.memoryPages), all, { turn: (index) => turns.push(index) })
  t.teardown(() => vm.dispose())
  const loaded = await vm.load(`function FindProxyForURL(url, host) { ${body} }`, { now: NOW, dns: [] })
  if (loaded.is !== 'answer') throw new Error(JSON.stringify(loaded))
  return vm.evaluateRow(ROW, { now: NOW, trace: false })
}

/**
 * A round gives what was seen, and what it should be; another one follows where they differ, for a thread may have stood still for longer than a
 * decision may take. Hosts have the round's number in their names, for decisions are remembered.
 */
async function inOneOfThree<T>(t: Test, what: string, once: (round: number) => Promise<[T, T]>): Promise<void> {
  for (let round = 1; ; round += 1) {
    const [seen, right] = await once(round)
    if (round < 3 && !isDeepStrictEqual(seen, right)) continue
    t.same(seen, right, what)
    return
  }
}

t.test('plain answers are one text, in order, and each query has its turn', async (t) => {
  const turns: number[] = []
  t.same(await run(t, 'return host + url', {}, turns), {
    is: 'answers',
    text: '=ahttp://a:80\n=bhttp://b:80\n=chttp://c:80\n=dhttp://d:80',
  })
  t.same(turns, [0, 1, 2, 3])
})

t.test('each keeps its own notes', async (t) => {
  const row = await run(
    t,
    `if (host === "a") { new Date(); return "clock" }
     if (host === "b") { alert("said"); return "alert" }
     if (host === "c") throw new Error("thrown")
     return "line\\nbreak"`,
  )
  if (row.is !== 'mixed') throw new Error(row.is)
  const [a, b, c, d] = row.outcomes
  t.match(a, { is: 'answer', answer: 'clock', notes: { clock: Number, alerts: [] } })
  const read = a?.is === 'answer' ? (a.notes.clock ?? 0) - NOW : -1
  t.ok(read >= 0 && read < 60_000, `${read} ms after the row was sent: the machine may be busy`)
  t.match(b, { is: 'answer', answer: 'alert', notes: { clock: undefined, alerts: ['said'] } })
  t.match(c, { is: 'failed', failure: { kind: 'threw', message: /thrown/ }, notes: { clock: undefined } })
  t.match(d, { is: 'answer', answer: 'line\nbreak', notes: { clock: undefined } })
})

t.test('the one that breaks the VM is named', async (t) => {
  for (const [body, kind] of [
    ['while (true);', 'time'],
    ['(function again() { again() })()', undefined],
    ['/^(a+)+$/.test("a".repeat(40) + "!")', 'time'],
  ] as const) {
    const row = await run(t, `if (host === "c") { ${body} } return host`)
    if (row.is === 'mixed') t.equal(row.outcomes[2]?.is, 'failed', body)
    else {
      t.match(row, { is: 'broken', at: 2, outcome: { is: 'failed', ...(kind ? { failure: { kind } } : {}) } }, body)
    }
  }
})

/** Each leaves a function of the language behind that does not end. */
const LOOPING_TRICKS = [
  'String.prototype.indexOf = function () { for (;;); }',
  'String.prototype.split = function () { for (;;); }',
  'String.prototype[Symbol.split] = function () { for (;;); }',
  'Object.defineProperty(String.prototype, Symbol.split, { get() { for (;;); } })',
  'Object.defineProperty(Array.prototype, 0, { set() { for (;;); }, get() { for (;;); } })',
  'Object.defineProperty(Object.prototype, "toJSON", { get() { for (;;); } })',
  'Object.defineProperty(Object.prototype, "then", { get() { for (;;); } })',
  'Object.defineProperty(String.prototype, "then", { get() { for (;;); } })',
  'JSON.parse = JSON.stringify = Function.prototype.call = Function.prototype.apply = function () { for (;;); }',
  'Array.prototype[Symbol.iterator] = String.prototype.toString = String.prototype.valueOf = function () { for (;;); }',
  'String.prototype.endsWith = String.prototype.includes = function () { for (;;); }',
]

t.test('a script that gets at the loop’s own functions fools itself only, and gains no time', async (t) => {
  const began = performance.now()
  for (const body of [
    'String.prototype.indexOf = function () { return 0 }; return host',
    'String.prototype.slice = function () { return "x" }; return host',
    'String.prototype.indexOf = function () { throw 1 }; return host',
    'String.prototype.includes = function () { return false }; return "a\\nb"',
    'Object.defineProperty(String.prototype, "length", { get() { return 1e9 } }); return host',
    ...LOOPING_TRICKS.map((trick) => `${trick}; return host`),
  ]) {
    const row = await run(t, body)
    const outcomes = row.is === 'broken' ? [row.outcome] : row.is === 'answers' ? row.text.split('\n') : row.outcomes
    t.ok(row.is === 'broken' || outcomes.length === ROW.length, body)
  }
  t.ok(performance.now() - began < 60_000, 'each was stopped in its time')
})

t.test('in the engine: one in a row that hangs, breaks or floods, and the others have their answers', async (t) => {
  const engine = engineFor(
    t,
    `function FindProxyForURL(url, host) {
       var kind = host.slice(0, -1);
       if (kind === "loop") while (true);
       if (kind === "deep") return FindProxyForURL(url, host);
       if (kind === "memory") { var a = []; while (true) a.push(new Array(1000).fill("x" + a.length)) }
       if (kind === "builtin") Array.prototype.indexOf.call({ length: Math.pow(2, 40) }, 1);
       return "PROXY " + host + ":1" }`,
    { limits: { threads: 2, evaluateMs: 300 } },
  )
  await engine.ready
  for (const bad of ['loop', 'deep', 'memory', 'builtin']) {
    await inOneOfThree(t, bad, async (round) => {
      const hosts = Array.from({ length: 40 }, (_, i) => (i === 17 ? `${bad}${round}` : `${i}${bad}${round}`))
      const answers = await Promise.all(hosts.map((host) => ask(engine, host)))
      const seen = answers.map((answer) => (answer instanceof GatewayError ? answer.code : answer))
      return [seen, hosts.map((host, i) => (i === 17 ? 'PAC_FAILED' : `PROXY ${host}:1`))]
    })
  }
})

t.test('every one in a row hangs: each has its own failure, and the engine serves on', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { while (host[0] === "h"); return host }', {
    limits: { threads: 2, evaluateMs: 50 },
  })
  await engine.ready
  await inOneOfThree(t, 'and then it is right', async (round) => {
    const hosts = Array.from({ length: 12 }, (_, i) => `h${i}-${round}`)
    const answers = await Promise.all(hosts.map((host) => ask(engine, host)))
    t.ok(answers.every((answer) => answer instanceof GatewayError && /ran too long/.test(answer.message)))
    return [await ask(engine, `good${round}`), `good${round}`]
  })
})

t.test('in the engine: whatever a script leaves behind, the next decision comes within its limit', async (t) => {
  const engine = engineFor(
    t,
    `function FindProxyForURL(url, host) {
       ${LOOPING_TRICKS.map((trick, i) => `if (${[1, 2, 3].map((round) => `host === "evil${i}-${round}"`).join(' || ')}) { ${trick} }`).join('\n')}
       return host }`,
    { limits: { threads: 1, evaluateMs: 300, graceMs: 150 } },
  )
  await engine.ready
  for (const [i, trick] of LOOPING_TRICKS.entries()) {
    await inOneOfThree(t, 'and the one after that is right', async (round) => {
      await ask(engine, `evil${i}-${round}`)
      const next = await ask(engine, `next${i}-${round}`)
      t.ok(
        next === `next${i}-${round}` ||
          (next instanceof GatewayError && /^(PAC_FAILED|LIMIT_REACHED)$/.test(next.code)),
        trick,
      )
      return [await ask(engine, `after${i}-${round}`), `after${i}-${round}`]
    })
  }
})
