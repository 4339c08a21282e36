import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { ResolvedAddress } from '../../../src/contracts/resolver.ts'
import { createSystemResolver } from '../../../src/dialers/resolver.ts'
import { Decisions } from '../../../src/pac-engine/decisions.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import { scriptFailure } from '../../../src/pac-engine/script-failure.ts'
import type { Version } from '../../../src/pac-engine/script-in-use.ts'
import type { Script } from '../../../src/pac-engine/script-source.ts'
import { SecondTurns } from '../../../src/pac-engine/second-turns.ts'
import { TimeSpent } from '../../../src/pac-engine/time-spent.ts'
import { TrackRecord } from '../../../src/pac-engine/track-record.ts'
import { type Failure, NO_NOTES, type VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'
import type { Row } from '../../../src/pac-engine/waiter.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

const DECISION_MS = 10_000

/** Decisions whose evaluations are settled by hand; the system answers one name at a time, when the test says so. */
function underTest({
  there = true,
  record = { decided() {} },
}: {
  readonly there?: boolean
  readonly record?: Pick<TrackRecord, 'decided'>
} = {}) {
  const clock = manualClock()
  const runs: { settle: (outcome: VmOutcome) => void; row: Row }[] = []
  const lookups = new Map<string, (addresses: readonly ResolvedAddress[]) => void>()
  const lookup = (name: string) => new Promise<readonly ResolvedAddress[]>((done) => lookups.set(name, done))
  const dns = new PacDns({
    resolver: createSystemResolver({ clock, maxRunning: 1, cacheMs: 0, lookup }),
    myAddresses: async () => [],
    clock,
    limits: DEFAULT_LIMITS,
    onChange() {},
  })
  const run = (_query: unknown, _trace: boolean, settle: (outcome: VmOutcome) => void, row: Row) => {
    runs.push({ settle, row })
  }
  const version = { script: { sha256: 'one', text: '' }, pool: { pending: 0, run }, readAt: 0 } as unknown as Version
  const decisions = new Decisions({
    ...{ origin: 'script', way: {}, limits: DEFAULT_LIMITS, clock, dns, alerts: { tell() {} } },
    record,
    version: () => (there ? version : undefined),
    firstVersion: () => new Promise(() => {}),
  })
  /** As the gateway does that waits so long and no longer. */
  const find = (host = 'a') => {
    const limit = new AbortController()
    clock.after(DECISION_MS, () => limit.abort(new GatewayError('PAC_FAILED', 'not decided within 10 s')))
    return decisions.find({ url: `http://${host}:80`, host }, limit.signal)
  }
  const missing = (...names: string[]): VmOutcome => ({ is: 'missing', names, used: [] })
  const settled = async (name: string) => {
    await until(`the system is asked for ${name}`, () => lookups.has(name))
    lookups.get(name)?.([{ address: '192.0.2.1', family: 4 }])
  }
  return { clock, runs, find, missing, settled }
}

const answer: VmOutcome = { is: 'answer', answer: 'DIRECT', notes: NO_NOTES, ms: 0 }
const behindDecisions = { code: 'LIMIT_REACHED', message: 'not decided within 10 s; it waited behind other decisions' }
const behindNames = { code: 'LIMIT_REACHED', message: /10 s; a name that it asks for waited behind others/ }

t.test('who has waited for a thread to the limit had no turn, and no failed script', async (t) => {
  const { clock, runs, find } = underTest()
  const asked = find()
  clock.advance(DECISION_MS)
  await t.rejects(asked, behindDecisions)
  const next = find('b')
  clock.advance(DECISION_MS - 8)
  runs[1]!.row.spent!.runsSince = clock.monotonic()
  clock.advance(8)
  await t.rejects(next, behindDecisions, 'nor who had one too late')
})

t.test('who runs to the limit has failed', async (t) => {
  const { clock, runs, find } = underTest()
  const asked = find()
  const other = find()
  runs[0]!.row.spent!.runsSince = clock.monotonic() + 3
  clock.advance(DECISION_MS)
  const running = { code: 'PAC_FAILED', message: 'not decided within 10 s; it was running' }
  await t.rejects(asked, running)
  await t.rejects(other, running, 'whoever hears of it')
})

t.test('who waits for the script to the limit finds none', async (t) => {
  const { clock, find } = underTest({ there: false })
  const asked = find()
  clock.advance(DECISION_MS)
  await t.rejects(asked, { code: 'PAC_FAILED', message: /10 s; the script has not been read and loaded/ })
})

t.test('who waits for names of its own has failed', async (t) => {
  const { clock, runs, find, missing } = underTest()
  const asked = find()
  runs[0]!.settle(missing('one.test'))
  clock.advance(DEFAULT_LIMITS.dnsNameMs)
  await until('it runs again', () => runs.length === 2)
  clock.advance(DECISION_MS / 20)
  runs[1]!.row.spent!.runsSince = clock.monotonic()
  clock.advance(DECISION_MS)
  await t.rejects(asked, { code: 'PAC_FAILED', message: /10 s; it waited for names/ })
})

t.test('a name whose turn came so late that its own time went past the limit is no failed script', async (t) => {
  const { clock, runs, find, missing, settled } = underTest()
  const others = find('others')
  runs[0]!.settle(missing('others.test'))
  const asked = find()
  runs[1]!.settle(missing('a.test'))
  clock.advance(4_000)
  await settled('others.test')
  await until('its answer is told', () => runs.length === 3)
  runs[2]!.settle(answer)
  await others
  clock.advance(DECISION_MS - 4_000)
  await t.rejects(asked, behindNames)
})

t.test('it counts wherever in the evaluation it waited', async (t) => {
  const { clock, runs, find, missing } = underTest()
  const asked = find()
  clock.advance(DECISION_MS - 4_000)
  runs[0]!.settle(missing('a.test'))
  clock.advance(4_000)
  await t.rejects(asked, behindDecisions)
})

t.test('whoever gives up of its own accord is told nothing of it', (t) => {
  const clock = manualClock()
  const gone = new AbortController()
  const spent = new TimeSpent(clock, 0)
  const reason = new GatewayError('CLIENT_GONE', 'the client has gone')
  clock.advance(DECISION_MS)
  t.equal(spent.whenGivenUp(reason), reason)
  gone.abort()
  t.match(spent.whenGivenUp(gone.signal.reason), { name: 'AbortError' })
  t.end()
})

t.test('an evaluation that made way and had no second turn is no failed script', (t) => {
  const told: GatewayError[] = []
  const turns = new SecondTurns({ ...DEFAULT_LIMITS, secondTurns: 1 })
  const settle = (outcome: VmOutcome) => {
    if (outcome.is === 'failed') told.push(scriptFailure(outcome.failure, 'test', ''))
  }
  const job = { url: 'http://a:80', host: 'a', trace: false, settle, makeWay() {} }
  turns.add(job, 0)
  turns.add(job, 0)
  turns.expire(DEFAULT_LIMITS.secondTurnMs)
  t.match(told, [
    { code: 'LIMIT_REACHED', message: /waited too long for its turn \(it made way for others, and 1 others/ },
    { code: 'LIMIT_REACHED', message: /it made way for others, and others that take long had the thread/ },
  ])
  t.end()
})

t.test('what had no turn is no failed decision of the script, and takes away no warning of one', async (t) => {
  const lines: string[] = []
  const record = new TrackRecord({ origin: 'test', log: (_, line) => lines.push(line), works() {} })
  const { runs, find } = underTest({ record })
  const decide = async (host: string, failure: Failure) => {
    const asked = find(host)
    runs.at(-1)!.settle({ is: 'failed', failure, notes: NO_NOTES })
    await t.rejects(asked)
  }
  const status = () => record.of({ sha256: 'one' } as Script)
  await decide('a', { kind: 'turn', message: 'it made way for others' })
  await decide('b', { kind: 'time', message: 'stopped after 4000 ms', starved: true })
  t.same([lines, status()], [[], {}])
  await decide('c', { kind: 'threw', message: 'no way' })
  t.match([lines, status()], [[/no way/], { failedDecisions: 1, lastFailedDecision: /no way/ }])
})

t.test('a thread says what it is seen running, and that it runs no more when it has made way', async (t) => {
  const limits = {
    ...DEFAULT_LIMITS,
    threads: 1,
    maxThreads: 1,
    secondThreads: 0,
    evaluateMs: 600_000,
    standbyMs: 600_000,
  }
  const pool = new VmPool('function FindProxyForURL(url, host) { while (host === "loop"); return host }', {
    ...{ limits, clock: systemClock },
    known: () => [],
  })
  t.teardown(() => pool.close())
  t.match(await pool.start(), { is: 'ready' })
  const row = () => {
    const row: Row & { spent: TimeSpent } = { others: undefined, gone: 0, spent: new TimeSpent(systemClock, 0) }
    const { signal } = new AbortController()
    row.first = { resolve() {}, reject() {}, signal, row, settled: false, aborted: undefined }
    return row
  }
  const [loop, good] = [row(), row()]
  const ask = (host: string, asker: Row) =>
    new Promise<VmOutcome>((settle) => pool.run({ url: 'http://a:80', host }, false, settle, asker))
  void ask('loop', loop)
  await until('it is seen running', () => loop.spent.runsSince !== undefined, 60_000)
  t.match(await ask('good', good), { answer: 'good' })
  t.equal(loop.spent.runsSince, undefined, 'it made way')
})
