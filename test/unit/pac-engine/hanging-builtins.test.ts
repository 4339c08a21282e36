import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { Crowd } from '../../../src/pac-engine/crowd.ts'
import { FirstTurns } from '../../../src/pac-engine/first-turns.ts'
import { interruptible } from '../../../src/pac-engine/interruptible.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacVm } from '../../../src/pac-engine/pac-vm.ts'
import { quickjsModule } from '../../../src/pac-engine/quickjs-module.ts'
import { SecondTurns } from '../../../src/pac-engine/second-turns.ts'
import { TurnBudget } from '../../../src/pac-engine/turn-budget.ts'
import { CLOSED, type Job } from '../../../src/pac-engine/vm-job.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'
import { VmThread } from '../../../src/pac-engine/vm-thread.ts'
import type { MadeWay } from '../../../src/pac-engine/worker-protocol.ts'
import { until } from '../../fixtures/until.ts'

// QuickJS asks whether to stop where a script jumps or calls. In here nothing does: before every loop of the module asked, each of these held its thread for as long as it liked.

const HANGING = [
  'var a = []; a.length = 4294967295; a.indexOf(1)',
  'var a = []; a.length = 4294967295; a.lastIndexOf(1)',
  'var a = []; a.length = 4294967295; a.includes(1)',
  'var a = []; a.length = 4294967295; a.join("")',
  'var a = []; a.length = 4294967295; a.sort()',
  'var a = []; a.length = 4294967295; a.reverse()',
  'var a = []; a.length = 4294967295; a.fill(1)',
  'Array.prototype.indexOf.call({ length: 2 ** 53 }, 1)',
  'Array.prototype.copyWithin.call({ length: 2 ** 53 }, 0, 1)',
  'Array.prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 1)',
  'Array.prototype.unshift.call({ length: 2 ** 53 - 2 }, 1)',
  'Array.prototype.toString.call({ length: 2 ** 53, join: Array.prototype.join })',
  'JSON.stringify({ toJSON: 0, a: new Proxy([], { get: (o, k) => (k === "length" ? 2 ** 53 : 0) }) })',
  // Each call is finite, and ten thousand of them are made between two looks at the time.
  'var s = "x".repeat(1e7); while (true) s.indexOf("xy")',
  'while (true) "x".repeat(2e7)',
  'var b = new Uint8Array(1.5e7); while (true) b.fill(1)',
  'var b = new Uint8Array(1.5e7); while (true) b.copyWithin(0, 1)',
  '2n ** 30000000n',
  '/(x+x+)+y/.test("x".repeat(50))',
]

t.test('every built-in that loops by itself ends at its limit, in its thread, and the VM serves again', async (t) => {
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 100 }
  const vm = new PacVm(await quickjsModule(limits.memoryPages), limits)
  t.teardown(() => vm.dispose())
  const script = `function FindProxyForURL(url, host) {
    ${HANGING.map((body, i) => `if (host === "hang${i}") { ${body} }`).join('\n')}
    return host }`
  const load = () => vm.load(script, { now: 0, dns: [] })
  const ask = (host: string) => vm.evaluate({ url: `http://${host}:80`, host }, { now: 0, trace: false })
  for (const [i, body] of HANGING.entries()) {
    t.match(await load(), { is: 'answer' })
    const hung = await ask(`hang${i}`)
    t.equal(hung.is, 'failed', body)
    if (hung.is === 'failed' && hung.failure.kind !== 'time') t.match(hung.failure.kind, /threw|memory/, body)
    if (!vm.usable) await load()
    t.match(await ask('good'), { is: 'answer', answer: 'good' }, `after ${body}`)
  }
})

t.test('a VM that was cut off goes back to its loaded script, with the names known now', async (t) => {
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 50 }
  const vm = new PacVm(await quickjsModule(limits.memoryPages), limits)
  t.teardown(() => vm.dispose())
  const script = `var seen = 0, loads = 0; loads++
    function FindProxyForURL(url, host) {
      if (host === "hang") { seen = 1; [].indexOf.call({ length: 2 ** 53 }, 1) }
      return seen + " " + dnsResolve("name.example") + " " + Math.random() }`
  const chances = new Set<string>()
  for (let i = 0; i < 5; i++) {
    t.match(await vm.load(script, { now: 0, dns: [['name.example', `192.0.2.${i}`]] }), { is: 'answer' })
    const outcome = await vm.evaluate({ url: 'http://a:80', host: 'a' }, { now: 0, trace: false })
    const [seen, address, chance = ''] = outcome.is === 'answer' ? outcome.answer.split(' ') : []
    t.same([seen, address], ['0', `192.0.2.${i}`], 'nothing of what was cut off is left')
    chances.add(chance)
    t.match(await vm.evaluate({ url: 'http://hang:80', host: 'hang' }, { now: 0, trace: false }), { is: 'failed' })
    t.notOk(vm.usable)
  }
  t.equal(chances.size, 5, 'and chance begins anew each time')
})

t.test('global code that looks at the clock is run anew', async (t) => {
  const vm = new PacVm(await quickjsModule(DEFAULT_LIMITS.memoryPages), DEFAULT_LIMITS)
  t.teardown(() => vm.dispose())
  const script = 'var at = Date.now(); function FindProxyForURL() { return "" + at }'
  for (const now of [1000, 2000, 3000, 4000]) {
    await vm.load(script, { now, dns: [], frozen: true })
    t.match(await vm.evaluate({ url: 'http://a:80', host: 'a' }, { now, trace: false }), { answer: String(now) })
  }
})

t.test('hanging built-ins, any number at once: whoever else asks waits for none of them', async (t) => {
  // None of those that hang can end before the test does: what is asserted is who waits for whom, not for how long.
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 600_000, secondTurnMs: 600_000 }
  const pool = new VmPool(
    `function FindProxyForURL(url, host) {
       if (host.indexOf("hang") === 0) { var a = []; a.length = 4294967295; while (true) a.indexOf(1) }
       return host }`,
    { limits, clock: systemClock, known: () => [] },
  )
  t.teardown(() => pool.close())
  t.match(await pool.start(), { is: 'ready' })
  const hung: VmOutcome[] = []
  const ask = (host: string) =>
    new Promise<VmOutcome>((settle) => pool.run({ url: `http://${host}:80`, host }, false, settle))
  for (let i = 0; i < 100; i++) void ask(`hang${i}`).then((outcome) => hung.push(outcome))
  const good = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(`good${i}`)))
  t.same(
    good.map((outcome) => (outcome.is === 'answer' ? outcome.answer : outcome)),
    Array.from({ length: 100 }, (_, i) => `good${i}`),
  )
  for (let i = 0; i < 100; i++) {
    void ask(`hang${i}`).then((outcome) => hung.push(outcome))
    t.match(await ask(`later${i}`), { answer: `later${i}` })
  }
  t.same(hung, [], 'and all that hang still wait, or hang')
  t.ok(pool.threads <= limits.maxThreads + limits.secondThreads)
})

t.test('what takes long makes way when the thread for such is idle, also where nobody waits', async (t) => {
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 5_000 }
  const crowd = new Crowd(systemClock)
  const thread = new VmThread(
    {
      ...{ script: 'function FindProxyForURL(url, host) { while (host === "loop"); return host }', limits },
      ...{ clock: systemClock, wasm: await quickjsModule(limits.memoryPages), crowd: crowd.cells, second: false },
      budget: new TurnBudget(limits.turnAnswers),
    },
    { advanced() {}, slow() {}, died() {} },
  )
  t.teardown(() => thread.end(CLOSED) && thread.gone)
  t.match(await thread.load([]), { is: 'ready' })
  const ask = async (host: string) => {
    await until('the thread is idle', () => thread.idle, 60_000)
    return new Promise<VmOutcome | MadeWay>((settle) =>
      thread.run([{ url: 'http://a:80', host, trace: false, settle, makeWay: settle }]),
    )
  }
  t.match(await ask('loop'), { is: 'failed', failure: { kind: 'time' } })
  for (const [waiting, room, why] of [
    [false, true, 'there was room'],
    [true, false, 'others waited'],
    [true, true, 'others waited'],
  ] as const) {
    crowd.tell(waiting, room)
    t.equal(await ask('loop'), why)
    t.match(await ask('good'), { answer: 'good' })
  }
  crowd.tell(false, false)
  t.match(await ask('loop'), { is: 'failed', failure: { kind: 'time' } })
})

t.test('the thread for second turns stands by, and takes what takes long off the others', async (t) => {
  const limits = { ...DEFAULT_LIMITS, threads: 1, maxThreads: 1, evaluateMs: 600_000, standbyMs: 0 }
  const pool = new VmPool('function FindProxyForURL(url, host) { while (host === "loop"); return host }', {
    limits,
    clock: systemClock,
    known: () => [],
  })
  t.teardown(() => pool.close())
  const ask = (host: string) =>
    new Promise<VmOutcome>((settle) => pool.run({ url: 'http://a:80', host }, false, settle))
  t.match(await pool.start(), { is: 'ready' })
  await until('it stands by', () => pool.threads === 2, 60_000)
  void ask('loop')
  t.match(await ask('good'), { answer: 'good' })
})

t.test('first turns: a crowd that came before everybody else does not stand before everybody else', (t) => {
  const turns = new FirstTurns()
  const hosts = (jobs: readonly Job[]) => jobs.map(({ host }) => host)
  const add = (host: string, trace = false) =>
    turns.add({ url: `http://${host}:80`, host, trace, settle() {}, makeWay() {} })
  for (const host of ['a', 'b', 'c', 'd', 'e']) add(host)
  t.same(hosts(turns.take(2)), ['a', 'b'])
  turns.addFirst([...turns.take(1)])
  t.same(hosts(turns.takeOne()), ['e'], 'the newest')
  add('f', true)
  t.same(hosts(turns.take(9)), ['c', 'd'], 'all of one kind')
  t.same(hosts(turns.takeAll()), ['f'])
  t.same(hosts(turns.takeOne()), [])
  t.same(hosts(turns.take(3)), [])
  const slow = { url: 'http://slow:80', host: 'slow', trace: false, settle() {}, makeWay() {} }
  turns.addLast(slow)
  add('g')
  t.equal(turns.waiting, 2)
  t.same(hosts(turns.takeOne()), ['g'], 'who was slow lately comes when nobody else waits')
  t.same(hosts(turns.takeOne()), ['slow'])
  turns.addLast(slow)
  add('h')
  t.same([...hosts(turns.take(5)), ...hosts(turns.take(5))], ['h', 'slow'])
  for (let i = 0; i < 100; i++) add(`${i}`)
  const taken = Array.from({ length: 32 }, () => Number(hosts(turns.takeOne())[0]))
  t.same(
    taken.filter((n) => n < 50),
    [0, 1],
    'now and then the oldest',
  )
  t.end()
})

t.test('second turns: in order, bounded in number and in time; slow hosts are remembered, the latest ones', (t) => {
  const limits = { ...DEFAULT_LIMITS, secondTurns: 3, secondTurnMs: 100, slowHosts: 2, slowHostMs: 1_000 }
  const turns = new SecondTurns(limits)
  const ended: string[] = []
  const job = (host: string): Job => ({
    ...{ url: `http://${host}:80`, host, trace: false, makeWay() {} },
    settle: (outcome) => ended.push(`${host} ${outcome.is === 'failed' ? outcome.failure.kind : outcome.is}`),
  })
  for (const [i, host] of ['a', 'b', 'c', 'd'].entries()) turns.add(job(host), i)
  t.same(ended, ['d turn'], 'one too many ends at once')
  t.equal(turns.next()?.host, 'a')
  t.equal(turns.waited(51), 50)
  turns.expire(100)
  t.same(ended, ['d turn'])
  turns.expire(101)
  t.same(ended, ['d turn', 'b turn'], 'who has waited too long ends')
  turns.giveUp({ is: 'missing', names: [], used: [] })
  t.same(ended, ['d turn', 'b turn', 'c missing'])
  t.equal(turns.waiting, 0)
  t.equal(turns.waited(102), 0)

  for (const host of ['x', 'y', 'z']) turns.noteSlow(host, 0)
  t.same(
    ['x', 'y', 'z'].map((host) => turns.isSlow(host, () => 1)),
    [false, true, true],
  )
  t.notOk(
    turns.isSlow('z', () => 1_000),
    'for its time',
  )
  turns.noteGood('y')
  t.notOk(
    turns.isSlow('y', () => 1),
    'or until it was quick again',
  )
  t.end()
})

t.test('interruptible: a loop in a module asks, and is stopped or not as the answer is', async (t) => {
  const { wasm, guarded } = await interruptible(Uint8Array.from(ENDLESS))
  t.equal(guarded, 1)
  const { Module, Instance } = WebAssembly as unknown as {
    Module: new (bytes: Uint8Array) => object
    Instance: new (module: object, imports: object) => { exports: { run(): void } }
  }
  let asked = 0
  const instance = new Instance(new Module(wasm), { env: { host_interrupt: () => (++asked < 5 ? 0 : 1) } })
  t.throws(() => instance.exports.run(), /unreachable/)
  t.equal(asked, 5)
})

t.test('interruptible: a module that it does not understand is refused', async (t) => {
  // A vector instruction in place of the jump.
  const strange = Uint8Array.from(ENDLESS.map((byte, i) => (i === ENDLESS.length - 4 ? 0xfd : byte)))
  await t.rejects(interruptible(strange), /instruction that is not known, 0xfd/)
  const without = Uint8Array.from(ENDLESS.map((byte) => (byte === 0x68 ? 0x69 : byte)))
  await t.rejects(interruptible(without), /does not import env\.host_interrupt/)
})

/** Imports env.host_interrupt, has one global, and exports `run`, which loops for ever. */
const ENDLESS = [
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 8, 2, 0x60, 0, 0, 0x60, 0, 1, 0x7f],
  ...[2, 22, 1, 3, ...Buffer.from('env'), 14, ...Buffer.from('host_interrupt'), 0, 1],
  ...[3, 2, 1, 0],
  ...[6, 6, 1, 0x7f, 1, 0x41, 0, 0x0b],
  ...[7, 7, 1, 3, ...Buffer.from('run'), 0, 1],
  ...[10, 9, 1, 7, 0, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b],
]
