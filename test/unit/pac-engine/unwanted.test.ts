import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { Crowd } from '../../../src/pac-engine/crowd.ts'
import { Decisions } from '../../../src/pac-engine/decisions.ts'
import { FirstTurns } from '../../../src/pac-engine/first-turns.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import { PoolJob } from '../../../src/pac-engine/pool-job.ts'
import type { Version } from '../../../src/pac-engine/script-in-use.ts'
import { SecondTurns } from '../../../src/pac-engine/second-turns.ts'
import { type Job, UNWANTED } from '../../../src/pac-engine/vm-job.ts'
import { NO_NOTES, type VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'
import { isWanted, type Row } from '../../../src/pac-engine/waiter.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

/** Jobs of whom the test says whether anybody waits. */
function jobs() {
  const gone = new Set<string>()
  const ended: string[] = []
  const job = (host: string): Job => ({
    ...{ url: `http://${host}:80`, host, trace: false, makeWay() {} },
    get wanted() {
      return !gone.has(host)
    },
    settle: (outcome) => ended.push(outcome === UNWANTED ? host : `${host} ${outcome.is}`),
  })
  return { gone, ended, job }
}

const hosts = (taken: readonly Job[]) => taken.map(({ host }) => host)

t.test('first turns: who is waited for no more has none', (t) => {
  const { gone, ended, job } = jobs()
  const turns = new FirstTurns()
  for (const host of ['a', 'b', 'c', 'd', 'e', 'f']) turns.add(job(host))
  for (const host of ['a', 'c', 'f']) gone.add(host)
  t.same(hosts(turns.take(2)), ['b', 'd'])
  t.same(hosts(turns.takeOne()), ['e'], 'nor the newest')
  t.same([ended, turns.waiting], [['a', 'c', 'f'], 0], 'it is settled, once')
  for (const host of ['g', 'h']) turns.addLast(job(host))
  gone.add('g')
  t.same(hosts(turns.take(2)), ['h'], 'nor among the slow')
  turns.addLast(job('g'))
  turns.add(job('a'))
  t.same([...turns.take(2), ...turns.take(2), turns.waiting], [0])
  t.end()
})

t.test('second turns: who is waited for no more has none, and takes nobody’s place', (t) => {
  const { gone, ended, job } = jobs()
  const turns = new SecondTurns({ ...DEFAULT_LIMITS, secondTurns: 2, secondTurnMs: 100 })
  for (const host of ['a', 'b']) turns.add(job(host), 0)
  gone.add('b')
  turns.add(job('c'), 50)
  t.same(ended, ['b'], 'there is room')
  turns.expire(100)
  t.same(ended, ['b', 'a failed'], 'nobody ends before the time')
  turns.add(job('d'), 100)
  gone.add('c')
  t.equal(turns.next()?.host, 'd')
  t.equal(turns.next(), undefined)
  t.same(ended, ['b', 'a failed', 'c'])
  for (const host of ['e', 'f']) turns.add(job(host), 200)
  gone.add('e')
  gone.add('f')
  turns.expire(210)
  t.same([turns.waiting, turns.waited(210)], [0, 0], 'nobody is hurried for it')
  t.same(ended, ['b', 'a failed', 'c', 'e', 'f'])
  t.end()
})

t.test('what runs is hurried only while others wait for their second turn', async (t) => {
  const told: (number | undefined)[] = []
  t.intercept(Crowd.prototype, 'tell', { value: (_: boolean, __: boolean, turns?: number) => told.push(turns) })
  const clock = manualClock()
  const limits = { ...DEFAULT_LIMITS, slowMs: 100 }
  // Nothing is ever started: whoever asks waits.
  const pool = new VmPool('', { limits, clock, known: () => [] })
  t.teardown(() => pool.close())
  const ask = () => pool.run({ url: 'http://a:80', host: 'a' }, false, () => {})
  const ended: VmOutcome[] = []
  const madeWay = (row?: Row) => {
    const job = new PoolJob(pool, 'http://b:80', 'b', false, false, undefined, (outcome) => ended.push(outcome), row)
    pool.makeWay(job, 'others waited')
    ask()
  }
  madeWay()
  await until('one waits', () => told.at(-1) === 1)
  clock.advance(limits.secondTurnMs + limits.slowMs)
  t.match(ended, [{ failure: { kind: 'turn' } }])
  t.equal(told.at(-1), 0, 'it has waited too long')
  const gone = new AbortController()
  const row: Row = { others: undefined, gone: 0 }
  row.first = { resolve() {}, reject() {}, signal: gone.signal, row, settled: false, aborted: undefined }
  madeWay(row)
  await until('another one waits', () => told.at(-1) === 1)
  gone.abort()
  clock.advance(limits.slowMs)
  t.equal(ended[1], UNWANTED)
  t.equal(told.at(-1), 0, 'it has gone')
})

t.test('a pool does not run what nobody waits for', async (t) => {
  const limits = { ...DEFAULT_LIMITS, threads: 1, maxThreads: 1, standbyMs: 600_000 }
  const pool = new VmPool('var n = 0; function FindProxyForURL() { return "n" + ++n }', {
    ...{ limits, clock: systemClock },
    known: () => [],
  })
  t.teardown(() => pool.close())
  t.match(await pool.start(), { is: 'ready' })
  const nobody: Row = { first: undefined, others: undefined, gone: 0 }
  const run = (row?: Row) =>
    new Promise<VmOutcome>((settle) => pool.run({ url: 'http://a:80', host: 'a' }, false, settle, row))
  const [one, two, three] = await Promise.all([run(nobody), run(nobody), run()])
  t.same([one, two], [UNWANTED, UNWANTED])
  t.match(three, { answer: 'n1' })
  t.equal(pool.pending, 0)
})

t.test('a question that everybody has given up is asked anew by whoever comes then', async (t) => {
  const clock = manualClock()
  const runs: { settle: (outcome: VmOutcome) => void; row: Row }[] = []
  const run = (_query: unknown, _trace: boolean, settle: (outcome: VmOutcome) => void, row: Row) => {
    runs.push({ settle, row })
  }
  const version = { script: { sha256: 'one', text: '' }, pool: { pending: 0, run }, readAt: 0 } as unknown as Version
  const recorded: unknown[] = []
  const decisions = new Decisions({
    ...{ origin: 'script', way: {}, limits: DEFAULT_LIMITS, clock, alerts: { tell() {} } },
    dns: { serial: 0, sweep() {}, noteUsed() {}, expiryOf: () => Number.POSITIVE_INFINITY } as unknown as PacDns,
    record: { decided: (_, outcome) => recorded.push(outcome) },
    version: () => version,
    firstVersion: async () => version,
  })
  const find = (signal: AbortSignal) => decisions.find({ url: 'http://a:80', host: 'a' }, signal)
  const [one, two, late] = [new AbortController(), new AbortController(), new AbortController()]
  const gone = new GatewayError('CLIENT_GONE', 'the client has gone')
  const asked = [find(one.signal), find(two.signal)]
  one.abort(gone)
  t.ok(isWanted(runs[0]!.row), 'one is left')
  clock.advance(10)
  t.ok(isWanted(runs[0]!.row))
  two.abort(gone)
  t.notOk(isWanted(runs[0]!.row))
  for (const one of asked) await t.rejects(one, gone)
  asked.push(find(late.signal))
  t.ok(isWanted(runs[0]!.row), 'who joins it wants it again')
  late.abort(gone)
  t.notOk(isWanted(runs[0]!.row), 'who does not listen yet, neither')
  runs[0]!.settle(UNWANTED)
  await t.rejects(asked[2]!, gone)
  const again = find(new AbortController().signal)
  t.equal(runs.length, 2)
  t.same(recorded, [], 'it is no failed decision')
  runs[1]!.settle({ is: 'answer', answer: 'DIRECT', notes: NO_NOTES, ms: 0 })
  t.match(await again, { result: 'DIRECT' })
})

t.test('a slow name that was looked up for somebody who has gone is known to whoever comes back', async (t) => {
  const clock = manualClock()
  const runs: ((outcome: VmOutcome) => void)[] = []
  const run = (_query: unknown, _trace: boolean, settle: (outcome: VmOutcome) => void) => runs.push(settle)
  const version = { script: { sha256: 'one', text: '' }, pool: { pending: 0, run }, readAt: 0 } as unknown as Version
  const resolver = { resolve: () => new Promise<never>(() => {}) }
  const limits = DEFAULT_LIMITS
  const dns = new PacDns({ resolver, myAddresses: async () => [], clock, limits, onChange() {} })
  const decisions = new Decisions({
    ...{ origin: 'script', way: {}, limits, clock, dns, alerts: { tell() {} }, record: { decided() {} } },
    version: () => version,
    firstVersion: async () => version,
  })
  const caller = new AbortController()
  const asked = decisions.find({ url: 'http://a:80', host: 'a' }, caller.signal)
  runs[0]!({ is: 'missing', names: ['slow.test'], used: [] })
  clock.advance(limits.dnsNameMs)
  await until('it would go on', () => runs.length === 2)
  caller.abort(new GatewayError('CLIENT_GONE', 'the client has gone'))
  await t.rejects(asked, { code: 'CLIENT_GONE' })
  runs[1]!(UNWANTED)
  clock.advance(limits.dnsBadMs)
  t.same(dns.entries(), [['slow.test', null]])
})
