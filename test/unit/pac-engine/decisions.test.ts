import { test } from 'tap'
import type { Clock } from '../../../src/contracts/clock.ts'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { ask, engineFor, tableResolver } from './engine-under-test.ts'

/** Real timers, a wall clock and a monotonic clock that are moved by hand. */
function movableClock(): Clock & { wallMs: number; ahead: number } {
  return {
    wallMs: Date.parse('2024-03-01T10:00:00.900Z'),
    ahead: 0,
    wall() {
      return this.wallMs
    },
    monotonic() {
      return performance.now() + this.ahead
    },
    after: systemClock.after,
  }
}

/** Says how often it has been run in this VM: a remembered decision repeats itself. */
const COUNTING = 'var n = 0; function FindProxyForURL(url, host) { n++; '
const oneThread = { maxThreads: 2 }

test('a decision is remembered, and says so', async (t) => {
  const engine = engineFor(t, `${COUNTING} isPlainHostName(host); return "n" + n }`, { limits: oneThread })
  const query = { url: 'http://a:80', host: 'a' }
  const { signal } = new AbortController()
  const first = await engine.find(query, signal)
  const second = await engine.find(query, signal)
  t.strictSame([first.result, first.trace?.cached], ['n1', false])
  t.strictSame([second.result, second.trace?.cached], ['n1', true])
  t.strictSame(second.trace?.calls, [{ name: 'isPlainHostName', args: ['a'], answer: 'true' }])
  t.match(second.trace?.sha256, /^[0-9a-f]{64}$/)
  t.equal(await ask(engine, 'b'), 'n2', 'another URL is another decision')
})

test('who reads the clock is remembered to the end of the second only', async (t) => {
  const clock = movableClock()
  const engine = engineFor(t, `${COUNTING} return n + " " + new Date().getSeconds() }`, { clock, limits: oneThread })
  t.equal(await ask(engine, 'a'), '1 0')
  clock.wallMs += 99
  t.equal(await ask(engine, 'a'), '1 0')
  clock.wallMs += 1
  t.equal(await ask(engine, 'a'), '2 1')
})

test('who uses chance is not remembered', async (t) => {
  const engine = engineFor(t, `${COUNTING} Math.random(); return "n" + n }`, { limits: oneThread })
  t.equal(await ask(engine, 'a'), 'n1')
  t.equal(await ask(engine, 'a'), 'n2')
})

test('chance is different in each VM, and evenly spread', async (t) => {
  const script =
    'function FindProxyForURL() { let s = 0; for (let i = 0; i < 1e4; i++) s += Math.random(); return s / 1e4 + " " + Math.random() }'
  const answers = []
  for (let i = 0; i < 2; i++) answers.push(String(await ask(engineFor(t, script, { limits: oneThread }), 'a')))
  t.not(answers[0], answers[1])
  for (const answer of answers) t.ok(Math.abs(Number(answer.split(' ')[0]) - 0.5) < 0.03, answer)
})

test('a decision lives as long as the DNS answers it saw', async (t) => {
  const clock = movableClock()
  const table: Record<string, string[]> = { a: ['10.0.0.1'] }
  const resolver = tableResolver(table)
  const engine = engineFor(t, `${COUNTING} return n + " " + dnsResolve(host) }`, { clock, resolver, limits: oneThread })
  // Two evaluations: the first stopped at the name.
  t.equal(await ask(engine, 'a'), '2 10.0.0.1')
  t.equal(await ask(engine, 'a'), '2 10.0.0.1')
  table['a'] = ['10.0.0.2']
  clock.ahead += 61_000
  // In the same VM or, on a busy machine, in another.
  t.match(await ask(engine, 'a'), / 10\.0\.0\.2$/)
  t.strictSame(resolver.asked, ['a', 'a'])
})

test('names are looked up once for all who ask at the same time', async (t) => {
  const resolver = tableResolver({ x: ['10.0.0.1'] })
  const engine = engineFor(t, 'function FindProxyForURL() { return dnsResolve("x") + dnsResolve("y") }', { resolver })
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(engine, `h${i}`)))
  t.ok(answers.every((answer) => answer === '10.0.0.1null'))
  t.strictSame(resolver.asked.sort(), ['x', 'y'])
})

test('a slow resolver holds up only those that need it', async (t) => {
  let release = (_: { address: string; family: 4 }[]) => {}
  const resolver = {
    resolve: () =>
      new Promise<{ address: string; family: 4 }[]>((resolve) => {
        release = resolve
      }),
  }
  const engine = engineFor(
    t,
    'function FindProxyForURL(url, host) { return host === "slow" ? dnsResolve(host) : host }',
    { resolver },
  )
  const slow = ask(engine, 'slow')
  for (let i = 0; i < 20; i++) t.equal(await ask(engine, `quick${i}`), `quick${i}`)
  release([{ address: '10.0.0.1', family: 4 }])
  t.equal(await slow, '10.0.0.1')
})

test('a name that takes too long does not resolve', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { return "" + dnsResolve(host) }', {
    resolver: { resolve: () => new Promise(() => {}) },
    limits: { dnsNameMs: 50 },
  })
  t.equal(await ask(engine, 'a'), 'null')
})

test('another network: nothing remembered holds, global code neither', async (t) => {
  let mine = '192.0.2.1'
  const engine = engineFor(
    t,
    'var at = myIpAddress(); function FindProxyForURL() { return at + " " + myIpAddress() }',
    {
      myAddresses: async () => [mine],
      limits: oneThread,
    },
  )
  t.equal(await ask(engine, 'a'), '192.0.2.1 192.0.2.1')
  mine = '198.51.100.1'
  await engine.networkChanged()
  t.equal(await ask(engine, 'a'), '198.51.100.1 198.51.100.1')
})

test('an aborted question ends at once and disturbs nobody', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { while (host === "slow"); return host }', {
    limits: { evaluateMs: 300 },
  })
  const controller = new AbortController()
  const gone = engine.find({ url: 'http://slow:80', host: 'slow' }, controller.signal)
  const reason = new GatewayError('CLIENT_GONE', 'the client has gone')
  controller.abort(reason)
  await t.rejects(gone, reason)
  t.equal(await ask(engine, 'a'), 'a')
})

test('a closed engine refuses, and lets the process end', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { while (host === "slow"); return host }')
  await engine.ready
  const cut = ask(engine, 'slow')
  await engine.close()
  t.ok((await cut) instanceof GatewayError)
  t.ok((await ask(engine, 'b')) instanceof GatewayError)
})

test('a VM is replaced in time, and nobody notices', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { return host }', {
    limits: { ...oneThread, evaluationsPerVm: 10 },
  })
  for (let i = 0; i < 55; i++) t.equal(await ask(engine, `h${i}`), `h${i}`)
})

test('a script that fails is explained too: what it did until then, and its alerts are logged', async (t) => {
  const lines: string[] = []
  const engine = engineFor(
    t,
    'function FindProxyForURL(url, host) { alert("before\\u001b[31m"); isInNet(host, "10.0.0.0", "255.0.0.0"); throw new Error("boom") }',
    { log: (_level, line) => lines.push(line) },
  )
  const first = await ask(engine, '10.0.0.1')
  const again = await ask(engine, '10.0.0.1')
  for (const [failure, cached] of [
    [first, false],
    [again, true],
  ] as const) {
    t.ok(failure instanceof GatewayError)
    if (!(failure instanceof GatewayError)) return
    t.match(failure.pac, { source: 'embedded script', cached, calls: [{ name: 'isInNet', answer: 'true' }] })
    t.match(failure.pac?.sha256, /^[0-9a-f]{64}$/)
    t.same(failure.pac?.alerts, ['before [31m'])
  }
  t.match(lines.join('\n'), /alert: before \[31m/)
})

test('a remembered decision says how old its script is now', async (t) => {
  let wall = 1_000_000
  let monotonic = 0
  const clock = { ...systemClock, wall: () => wall, monotonic: () => monotonic, elapsed: () => monotonic }
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { return host }', { clock })
  const trace = async () => (await engine.find({ url: 'http://a:80', host: 'a' }, new AbortController().signal)).trace
  t.match(await trace(), { cached: false, ageSeconds: 0 })
  wall += 3_000
  monotonic += 3_000
  t.match(await trace(), { cached: true, ageSeconds: 3 })
  wall += 10_000
  monotonic += 10_000
  t.match(await trace(), { cached: true, ageSeconds: 13 })
})
