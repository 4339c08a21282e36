import t from 'tap'
import { type ErrorCode, GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Because, Candidate, Hop, HopKind, Route } from '../../../src/contracts/route.ts'
import { createCandidateMemory } from '../../../src/dialers/candidate-memory.ts'
import { judgeFailure } from '../../../src/dialers/fallback.ts'
import { createCandidateWalk, type WalkOptions } from '../../../src/dialers/walk.ts'
import { failure } from '../../contract/stream-dialer.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

/** `http:a socks5:b` is a chain; the empty text is direct. */
function candidate(text: string): Candidate {
  const hops = text.split(' ').filter(Boolean)
  return {
    hops: hops.map((hop): Hop => {
      const [kind, host] = hop.split(':') as [HopKind, string]
      return { kind, host, family: 0, port: 3128 }
    }),
  }
}

function route(texts: readonly string[], generation = 1): Route {
  const because: Because = { source: 'pac', detail: 'a test' }
  return { decision: 'proxy', candidates: texts.map(candidate), because, generation }
}

function errorAt(code: ErrorCode, host: string | 'target', said?: string): GatewayError {
  const hop =
    host === 'target' ? ({ kind: 'target', host, port: 1 } as const) : { kind: 'http' as const, host, port: 3128 }
  return new GatewayError(code, `${host}: ${code}`, { hop, ...(said !== undefined && { said }) })
}

const names = (one: Candidate): string => one.hops.map((hop) => hop.host).join('+') || 'direct'
const signal = new AbortController().signal

/** The rules of docs/decisions/0004, row by row. */
const VERDICTS: readonly [
  what: string,
  candidate: string,
  error: GatewayError,
  verdict: 'final' | 'next' | 'remember',
][] = [
  ['the proxy refuses the connection', 'http:a', errorAt('CONNECT_REFUSED', 'a'), 'remember'],
  ['the proxy has no address', 'http:a', errorAt('RESOLVE_FAILED', 'a'), 'remember'],
  ['the proxy can not be reached', 'http:a', errorAt('HOST_UNREACHABLE', 'a'), 'remember'],
  ['the network of the proxy can not be reached', 'http:a', errorAt('NETWORK_UNREACHABLE', 'a'), 'remember'],
  ['the proxy does not answer SYN', 'http:a', errorAt('CONNECT_TIMEOUT', 'a'), 'remember'],
  ['the proxy hangs up', 'http:a', errorAt('CONNECT_RESET', 'a'), 'remember'],
  ['the certificate of the proxy is bad', 'http:a', errorAt('TLS_FAILED', 'a'), 'remember'],
  ['it is no proxy', 'http:a', errorAt('PROXY_PROTOCOL_ERROR', 'a'), 'remember'],
  ['the proxy takes the connection and is silent', 'http:a', errorAt('UPSTREAM_TIMEOUT', 'a'), 'next'],
  ['the proxy says no', 'http:a', errorAt('PROXY_REFUSED', 'a', '403 Forbidden'), 'final'],
  ['the proxy says the target refused', 'http:a', errorAt('CONNECT_REFUSED', 'a', 'reply 5'), 'final'],
  ['the proxy says the target is unreachable', 'http:a', errorAt('HOST_UNREACHABLE', 'a', 'reply 4'), 'final'],
  ['the proxy wants a password', 'http:a', errorAt('PROXY_AUTH_FAILED', 'a', '407'), 'final'],
  [
    'the first hop of two says the second is down',
    'http:a http:b',
    errorAt('CONNECT_REFUSED', 'a', 'reply 5'),
    'remember',
  ],
  ['the first hop of two says no to the second', 'http:a http:b', errorAt('PROXY_REFUSED', 'a', '503'), 'remember'],
  ['the first hop of two wants a password', 'http:a http:b', errorAt('PROXY_AUTH_FAILED', 'a', '407'), 'final'],
  ['the last hop of two says no', 'http:a http:b', errorAt('PROXY_REFUSED', 'b', '403'), 'final'],
  ['direct: refused', '', errorAt('CONNECT_REFUSED', 'target'), 'next'],
  ['direct: no such name', '', errorAt('RESOLVE_FAILED', 'target'), 'next'],
  ['direct: too slow', '', errorAt('CONNECT_TIMEOUT', 'target'), 'next'],
  ['direct: not allowed', '', errorAt('ACCESS_DENIED', 'target'), 'final'],
  ['a name resolved here for a proxy does not exist', 'http:a', errorAt('RESOLVE_FAILED', 'target'), 'next'],
  ['this kind of proxy can not carry it', 'http:a', errorAt('ADDRESS_TYPE_NOT_SUPPORTED', 'a'), 'next'],
  ['the proxy says it can not carry it', 'http:a', errorAt('ADDRESS_TYPE_NOT_SUPPORTED', 'a', 'reply 8'), 'final'],
  ['the proxy is this gateway', 'http:a', errorAt('LOOP_DETECTED', 'a'), 'next'],
  ['no file descriptor is left', 'http:a', errorAt('LIMIT_REACHED', 'a'), 'final'],
  ['a fault of ours', 'http:a', errorAt('INTERNAL', 'a'), 'final'],
]

for (const [what, text, error, verdict] of VERDICTS) {
  t.test(`${what}: ${verdict}`, (t) => {
    t.same(judgeFailure(error, candidate(text)), { fallsOver: verdict !== 'final', remembered: verdict === 'remember' })
    t.end()
  })
}

/** A walk whose attempts fail as `failing` says and otherwise succeed. */
function walker(failing: Record<string, GatewayError>, options: Partial<WalkOptions> = {}) {
  const clock = manualClock()
  const walk = createCandidateWalk({
    clock,
    dialDeadlineMs: 30_000,
    attemptMs: 10_000,
    failureMemoryMs: 30_000,
    ...options,
  })
  const tried: string[] = []
  const attempt = async (one: Candidate): Promise<string> => {
    tried.push(names(one))
    const error = failing[names(one)]
    if (error !== undefined) throw error
    return names(one)
  }
  return {
    clock,
    failing,
    async go(texts: readonly string[], generation?: number): Promise<string> {
      tried.length = 0
      await walk.walk(route(texts, generation), signal, attempt).catch(() => {})
      return tried.join(' ')
    },
    run: (texts: readonly string[]) => walk.walk(route(texts), signal, attempt),
    walk,
  }
}

t.test('in order, until one comes about; what failed is told', async (t) => {
  const { run } = walker({ a: errorAt('CONNECT_REFUSED', 'a') })
  const dialed = await run(['http:a', 'http:b', ''])
  t.equal(dialed.value, 'b')
  t.equal(names(dialed.candidate), 'b')
  t.same(
    dialed.failed.map((one) => [names(one.candidate), one.error.code]),
    [['a', 'CONNECT_REFUSED']],
  )
})

t.test('none comes about: the last error, with all of them attached', async (t) => {
  const { run } = walker({ a: errorAt('CONNECT_REFUSED', 'a'), b: errorAt('TLS_FAILED', 'b') })
  const error = await failure(run(['http:a', 'http:b']))
  t.equal(error.code, 'TLS_FAILED')
  t.equal(error.message, 'b: TLS_FAILED (1 other way failed before)')
  t.same(error.hop, { kind: 'http', host: 'b', port: 3128 })
  t.same(
    error.attempts.map((one) => one.error.code),
    ['CONNECT_REFUSED', 'TLS_FAILED'],
  )
})

t.test('an answer about the target ends the walk', async (t) => {
  const { run } = walker({ a: errorAt('PROXY_REFUSED', 'a', '403 Forbidden') })
  const error = await failure(run(['http:a', '']))
  t.equal(error.code, 'PROXY_REFUSED')
  t.equal(error.attempts.length, 1)
})

t.test('what failed is tried last for a while, by settings generation', async (t) => {
  const { go, clock, failing } = walker({ a: errorAt('CONNECT_REFUSED', 'a') })
  t.equal(await go(['http:a', 'http:b']), 'a b')
  t.equal(await go(['http:a', 'http:b']), 'b', 'remembered')
  t.equal(await go(['http:a']), 'a', 'tried when nothing else is left')
  failing['b'] = errorAt('CONNECT_REFUSED', 'b')
  t.equal(await go(['http:a', 'http:b']), 'b a', 'and last, when the others fail')
  delete failing['b']
  t.equal(await go(['http:a', 'http:b'], 2), 'a b', 'a reload forgets')
  t.equal(await go(['http:a', 'http:b'], 1), 'a b', 'a flow of the old settings neither uses nor makes memories')
  t.equal(await go(['http:a', 'http:b'], 2), 'b')
  clock.advance(30_000)
  t.equal(await go(['http:a', 'http:b'], 2), 'a b', 'forgotten with time')
  clock.advance(30_000)
  delete failing['a']
  t.equal(await go(['http:a', 'http:b'], 2), 'a')
})

t.test('what is passed over is told, with its reason and for how long', async (t) => {
  const { run, walk, clock } = walker({ a: errorAt('CONNECT_REFUSED', 'a'), b: errorAt('TLS_FAILED', 'b') })
  const told = async (...texts: string[]) => {
    const { passedOver = [] } = await run(texts)
    return passedOver.map(({ candidate, error, forMs }) => [names(candidate), error.code, forMs])
  }
  t.same(await told('http:a', 'http:c'), [], 'it was tried')
  clock.advance(10_000)
  t.same(await told('http:a', 'http:b', 'http:c'), [['a', 'CONNECT_REFUSED', 20_000]], 'b was tried')
  const both = [
    ['a', 'CONNECT_REFUSED', 20_000],
    ['b', 'TLS_FAILED', 30_000],
  ]
  t.same(await told('http:a', 'http:c', 'http:b'), both.slice(0, 1), 'those behind it did not count')
  t.same(await told('http:a', 'http:b', 'http:c'), both)
  t.same(
    walk.passedOver?.().map(({ candidate, error, forMs }) => [names(candidate), error.code, forMs]),
    both,
  )
  clock.advance(20_000)
  t.same(await told('http:b', 'http:c'), [['b', 'TLS_FAILED', 10_000]])
  t.equal(walk.passedOver?.().length, 1)
  walk.forgetFailures?.()
  t.same(walk.passedOver?.(), [])
})

t.test('another network: what failed in the old one is tried in its turn', async (t) => {
  const { go, walk } = walker({ a: errorAt('CONNECT_REFUSED', 'a') })
  await go(['http:a', 'http:b'])
  t.equal(await go(['http:a', 'http:b']), 'b')
  walk.forgetFailures?.()
  t.equal(await go(['http:a', 'http:b']), 'a b')
})

t.test('one that works again is forgiven at once', async (t) => {
  const { go, failing } = walker({ a: errorAt('CONNECT_REFUSED', 'a') })
  await go(['http:a', 'http:b'])
  delete failing['a']
  await go(['http:a'])
  t.equal(await go(['http:a', 'http:b']), 'a')
})

t.test('when everything fails nobody is remembered: it is the network', async (t) => {
  const { go, failing } = walker({ a: errorAt('NETWORK_UNREACHABLE', 'a'), b: errorAt('NETWORK_UNREACHABLE', 'b') })
  t.equal(await go(['http:a', 'http:b']), 'a b')
  delete failing['a']
  delete failing['b']
  t.equal(await go(['http:a', 'http:b']), 'a')
})

t.test('direct is never remembered', async (t) => {
  const { go } = walker({ direct: errorAt('CONNECT_REFUSED', 'target') })
  t.equal(await go(['', 'http:b']), 'direct b')
  t.equal(await go(['', 'http:b']), 'direct b')
})

t.test('memory is bounded', (t) => {
  const clock = manualClock()
  const memory = createCandidateMemory(clock, 30_000)
  for (let index = 0; index < 5000; index++)
    memory.remember({ candidate: candidate(`http:p${index}`), error: errorAt('CONNECT_REFUSED', 'p') }, 1)
  const order = (text: string) =>
    memory
      .order([candidate(text), candidate('')], 1)
      .map(names)
      .join(' ')
  t.equal(order('http:p4999'), 'direct p4999')
  t.equal(order('http:p0'), 'p0 direct', 'the oldest made room')
  t.end()
})

t.test('who has been on his way for a while has what is left of the time, and half of it at least', async (t) => {
  for (const [since, ms] of [
    [-3_500, 8_500],
    [-60_000, 6_000],
  ] as const) {
    const clock = manualClock()
    const walk = createCandidateWalk({ clock, dialDeadlineMs: 12_000, attemptMs: 10_000 })
    const silent = (_: Candidate, attempt: AbortSignal) =>
      new Promise((_resolve, reject) => attempt.addEventListener('abort', () => reject(attempt.reason)))
    const walking = failure(walk.walk(route(['http:a']), signal, silent, since))
    let isOver = false
    void walking.then(() => {
      isOver = true
    })
    clock.advance(ms - 1)
    await new Promise((done) => setImmediate(done))
    t.notOk(isOver)
    clock.advance(1)
    t.equal((await walking).code, 'CONNECT_TIMEOUT')
  }
})

t.test('one absolute deadline, split fairly: black holes leave time for those behind them', async (t) => {
  const clock = manualClock()
  const walk = createCandidateWalk({ clock, dialDeadlineMs: 12_000, attemptMs: 10_000, failureMemoryMs: 30_000 })
  const begun: [string, number][] = []
  const walking = failure(
    walk.walk(route(['http:a', 'http:b', 'http:c']), signal, (one, attemptSignal) => {
      begun.push([names(one), clock.monotonic()])
      return new Promise((_resolve, reject) =>
        attemptSignal.addEventListener('abort', () => reject(attemptSignal.reason)),
      )
    }),
  )
  for (let step = 0; step < 130; step++) {
    clock.advance(100)
    await new Promise((done) => setImmediate(done))
  }
  t.same(begun, [
    ['a', 0],
    ['b', 4000],
    ['c', 8000],
  ])
  const error = await walking
  t.equal(error.code, 'CONNECT_TIMEOUT')
  t.match(
    error.message,
    /^the way through HTTP proxy c:3128 did not come about within 4\.0 s \(2 other ways failed before\)$/,
  )
  t.equal(error.attempts.length, 3)
  t.equal(clock.pending, 0)
})

t.test('the caller’s abort ends the attempt and the walk, with the caller’s reason', async (t) => {
  const { walk, clock } = walker({})
  const abort = new AbortController()
  const reason = new GatewayError('CLIENT_GONE', 'the client has gone')
  const tried: string[] = []
  const walking = failure(
    walk.walk(route(['http:a', 'http:b']), abort.signal, (one, attemptSignal) => {
      tried.push(names(one))
      return new Promise((_resolve, reject) =>
        attemptSignal.addEventListener('abort', () => reject(attemptSignal.reason)),
      )
    }),
  )
  abort.abort(reason)
  t.equal(await walking, reason)
  t.same(tried, ['a'])
  t.equal(clock.pending, 0)
  t.equal(await failure(walk.walk(route(['http:a']), abort.signal, async () => 'never')), reason)
})

t.test('a rejected route', async (t) => {
  const { walk } = walker({})
  const rows: readonly [source: Because['source'], code: ErrorCode, hint: RegExp][] = [
    ['reject-name', 'POLICY_REJECTED', /`fairlead explain`/],
    ['no-proxy-for-scheme', 'POLICY_REJECTED', /`fairlead explain`/],
    ['access', 'ACCESS_DENIED', /access\.allow/],
    ['loop', 'LOOP_DETECTED', /^Ask for the real target/],
    ['pac-failure', 'PAC_FAILED', /^Repair the PAC file/],
  ]
  for (const [source, code, hint] of rows) {
    const rejected: Route = { decision: 'reject', candidates: [], because: { source, detail: 'rule 7' }, generation: 1 }
    const error = await failure(walk.walk(rejected, signal, async () => 'never'))
    t.equal(error.code, code)
    t.match(error.message, /rule 7/)
    t.match(error.hint, hint)
    const known = await failure(walk.walk({ ...rejected, hint: 'Wait.' }, signal, async () => 'never'))
    t.match(known, { code, hint: 'Wait.' })
  }
})
