import { test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'
import { until } from '../../fixtures/until.ts'
import { ask, engineFor } from './engine-under-test.ts'

/** Milliseconds; the test machine may be busy, so what is asserted is a multiple. */
const LIMITS = { threads: 2, evaluateMs: 300, graceMs: 150, memoryPages: 256 }

/**
 * Behind a name, for a decision is remembered: all of it is tried again where a decision that should have been right is none, for its thread may have
 * stood still for longer than it may take.
 */
const ROUNDS = ['', 'again', 'anew']

const HOSTILE: [what: string, body: string, expected: RegExp][] = [
  ['an endless loop', 'while (true) {}', /ran too long/],
  ['an endless loop that catches', 'while (true) { try { while (true) {} } catch (e) {} }', /ran too long/],
  ['an endless loop in finally', 'try { throw 1 } finally { while (true) {} }', /ran too long/],
  ['an endless generator', 'for (const x of (function* () { while (true) yield 1 })()) {}', /ran too long/],
  [
    'endless recursion',
    'return FindProxyForURL(url, host)',
    /could not be run|too much memory|InternalError|RangeError|ran too long/,
  ],
  [
    'endless recursion that catches',
    'function r() { try { r() } catch (e) { r() } } r(); return "DIRECT"',
    /ran too long|could not be run|too much memory/,
  ],
  [
    'a memory bomb of small pieces',
    'const a = []; while (true) a.push(new Array(100).fill("x" + a.length))',
    /too much memory|out of memory|ran too long/,
  ],
  [
    'a memory bomb of large pieces',
    'const a = []; while (true) a.push("x".repeat(1e6) + a.length)',
    /too much memory|out of memory|ran too long/,
  ],
  [
    'a memory bomb of buffers',
    'const a = []; while (true) a.push(new Uint8Array(1e6).fill(1))',
    /too much memory|out of memory|ran too long/,
  ],
  ['a doubling string', 'let s = "x"; while (true) s += s', /too long|memory/],
  ['a catastrophic regular expression', '/^(a+)+$/.test("a".repeat(40) + "!")', /ran too long/],
  ['a catastrophic replace', '("a".repeat(40) + "!").replace(/(a*)*b/g, "x")', /ran too long/],
  ['a built-in that loops by itself', 'Array.prototype.indexOf.call({ length: 2 ** 40 }, 1)', /ran too long/],
  [
    'a built-in that loops by itself, sorted',
    'Array.prototype.lastIndexOf.call({ length: 2 ** 40 }, 1)',
    /ran too long/,
  ],
  ['a 10 MB answer', 'return "PROXY a:1;".repeat(1e6)', /too long|memory/],
  ['a getter that loops', 'throw { get message() { while (true) {} } }', /ran too long/],
  ['a getter that throws', 'throw { get message() { throw 1 }, get name() { throw 2 } }', /threw an exception/],
  [
    'a proxy for an error',
    'throw new Proxy({}, { get() { throw 1 }, getPrototypeOf() { throw 2 } })',
    /threw an exception/,
  ],
  ['a proxy for an answer', 'return new Proxy({}, { get() { while (true) {} } })', /answered no string/],
  ['an answer that converts itself', 'return { toString() { while (true) {} } }', /answered no string/],
  ['endless microtasks', 'function f() { Promise.resolve().then(f) } f(); return 1', /answered no string|ran too long/],
  ['a name no resolver ends', 'for (let i = 0; ; i++) dnsResolve("n" + i + ".example")', /ran too long/],
  ['another name each time', 'dnsResolve("n" + Math.random() + ".example")', /looks up more than 20 names/],
  [
    'lookups caught for ever',
    'while (true) { try { dnsResolve(Math.random() + ".example") } catch (e) {} }',
    /ran too long/,
  ],
  ['deep JSON', 'JSON.parse("[".repeat(1e6))', /exception|could not be run|memory|ran too long/],
  ['deep nesting in eval', 'eval("(".repeat(1e6))', /exception|could not be run|memory|ran too long/],
  ['a sort with a bad comparison', '[1, 2, 3].sort(() => { while (true) {} })', /ran too long/],
  ['Atomics.wait', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)', /exception|ran too long/],
]

test('each ends in its error within the limit, and the next decision is right', async (t) => {
  const cases = HOSTILE.map(([, body], index) => {
    const names = ROUNDS.map((round) => `host === "hostile${index}${round}"`)
    return `if (${names.join(' || ')}) { ${body} }`
  }).join('\n')
  const engine = engineFor(t, `function FindProxyForURL(url, host) {\n${cases}\nreturn host }`, { limits: LIMITS })
  await engine.ready
  for (const [index, [what, , expected]] of HOSTILE.entries()) {
    let next: string | GatewayError | undefined
    for (const round of ROUNDS) {
      const began = performance.now()
      const outcome = await ask(engine, `hostile${index}${round}`)
      const took = performance.now() - began
      t.ok(outcome instanceof GatewayError, `${what}: ${String(outcome).slice(0, 100)}`)
      if (outcome instanceof GatewayError) {
        // The second where the machine had no processor for it.
        t.match(outcome.code, /^(PAC_FAILED|LIMIT_REACHED)$/)
        t.match(outcome.message, expected, what)
        t.ok(outcome.message.length < 1000, 'a short message')
      }
      t.ok(took < 40 * (LIMITS.evaluateMs + LIMITS.graceMs), `${what} took ${Math.round(took)} ms`)
      next = await ask(engine, `good${index}`.concat(round))
      if (!(next instanceof GatewayError)) break
    }
    t.match(next, new RegExp(`^good${index}[a-z]*$`), `after ${what}`)
  }
})

test('a slow evaluation holds up nobody else', async (t) => {
  const engine = engineFor(
    t,
    'function FindProxyForURL(url, host) { if (host === "slow") while (true) {} return host }',
    {
      limits: { ...LIMITS, evaluateMs: 6_000 },
    },
  )
  await engine.ready
  await Promise.all(Array.from({ length: 20 }, (_, i) => ask(engine, `warm${i}`)))
  let slowIsOver = false
  const slow = ask(engine, 'slow').then((outcome) => {
    slowIsOver = true
    return outcome
  })
  const others = await Promise.all(Array.from({ length: 500 }, (_, i) => ask(engine, `host${i}`)))
  t.notOk(slowIsOver, 'the others were done before the slow one')
  t.strictSame(
    others,
    Array.from({ length: 500 }, (_, i) => `host${i}`),
  )
  t.ok((await slow) instanceof GatewayError)
})

test('alerts are bounded and reach the log without control characters', async (t) => {
  const lines: string[] = []
  const engine = engineFor(
    t,
    'function FindProxyForURL() { alert(); alert(null); alert("\\u001b[31m" + "x".repeat(1e5)); alert({ toString() { throw 1 } }); for (let i = 0; i < 1e5; i++) alert(i); return "DIRECT" }',
    { limits: { evaluateMs: 20_000 }, log: (_level, message) => lines.push(message) },
  )
  t.equal(await ask(engine, 'any'), 'DIRECT')
  const alerts = lines.filter((line) => line.includes('alert'))
  t.match(alerts[0], /alert: undefined$/)
  t.match(alerts[1], /alert: null$/)
  t.equal(alerts.length, 21)
  t.match(alerts[20], /more alerts are not shown/)
  t.ok(alerts.every((line) => line.length < 400 && !line.includes('\x1b')))
})

test('many slow evaluations at once hold up the others for a moment only, and a slow one that ends has its answer', async (t) => {
  const engine = engineFor(
    t,
    `function FindProxyForURL(url, host) {
       if (host.indexOf("loop") === 0) while (true) {}
       if (host.indexOf("long") === 0) for (var end = Date.now() + 200; Date.now() < end; ) {}
       return host }`,
    { limits: { threads: 2, evaluateMs: 3_000, secondTurnMs: 600_000 } },
  )
  await engine.ready
  await ask(engine, 'warm')
  const ends: string[] = []
  const asked = async (host: string) => {
    const outcome = await ask(engine, host)
    ends.push(host)
    return outcome
  }
  const loops = Array.from({ length: 6 }, (_, i) => asked(`loop${i}`))
  const long = asked('long')
  const other = asked('other')
  t.equal(await other, 'other')
  t.same(ends, ['other'], 'before any of the slow ones')
  t.equal(await long, 'long', 'it made way, and had its turn')
  for (const outcome of await Promise.all(loops)) t.match((outcome as GatewayError).message, /ran too long/)
})

test('a thread that was started because of a slow one goes again, however much there is to do', async (t) => {
  // What waits for half a minute waits a moment.
  const clock = {
    ...systemClock,
    after: (ms: number, task: () => void) => systemClock.after(ms === 30_000 ? 500 : ms, task),
  }
  const limits = {
    ...DEFAULT_LIMITS,
    threads: 1,
    maxThreads: 2,
    secondThreads: 0,
    evaluateMs: 5_000,
    crowdedMs: 5_000,
    threadStartMs: 60_000,
  }
  const pool = new VmPool('function FindProxyForURL(url, host) { if (host === "loop") while (true) {} return host }', {
    limits,
    clock,
    known: () => [],
  })
  t.teardown(() => pool.close())
  await pool.start()
  let busy = true
  const ask = (host: string) => new Promise<void>((done) => pool.run({ url: 'http://a:80', host }, false, () => done()))
  const loop = ask('loop')
  const others = Array.from({ length: 16 }, async () => {
    while (busy) await ask('other')
  })
  await until('another thread serves', () => pool.threads === 2, 60_000)
  await loop
  await until('one of them has gone, under load', () => pool.threads === 1, 60_000)
  busy = false
  await Promise.all(others)
  t.equal(pool.threads, 1)
})
