import t from 'tap'
import { Decisions } from '../../../src/pac-engine/decisions.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import type { Version } from '../../../src/pac-engine/script-in-use.ts'
import { NO_NOTES, type VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

function decisionsOf(pool: object, wall: () => number): Decisions {
  const version = { script: { sha256: 'one', text: '' }, pool, readAt: 0 } as unknown as Version
  return new Decisions({
    origin: 'script',
    way: {},
    limits: DEFAULT_LIMITS,
    clock: { ...manualClock(), wall },
    dns: { serial: 0, sweep() {}, noteUsed() {}, expiryOf: () => Number.POSITIVE_INFINITY } as unknown as PacDns,
    alerts: { tell() {} },
    record: { decided() {} },
    version: () => version,
    firstVersion: async () => version,
  })
}

t.test('a decision holds for the second that the script read, not for the one it was decided in', async (t) => {
  let [wall, runs] = [12_900, 0]
  let readAt = 0
  const pool = {
    pending: 0,
    run(_query: unknown, _trace: boolean, settle: (outcome: VmOutcome) => void) {
      const answer = `run ${++runs}`
      queueMicrotask(() => settle({ is: 'answer', answer, notes: { ...NO_NOTES, clock: readAt }, ms: 0 }))
    },
  }
  const decisions = decisionsOf(pool, () => wall)
  const ask = async () => (await decisions.find({ url: 'http://a:80', host: 'a' }, new AbortController().signal)).result
  readAt = 12_990
  t.equal(await ask(), 'run 1')
  t.equal(await ask(), 'run 1', 'within the second')
  wall = 13_010
  t.equal(await ask(), 'run 2', 'which began in the second before')
  readAt = 13_020
  t.equal(await ask(), 'run 3', 'and is not remembered')
  wall = 13_999
  t.equal(await ask(), 'run 3')
})

t.test(
  'a script that reads the clock and hangs is not run again at once, though the second it read is over',
  async (t) => {
    let [wall, runs] = [12_900, 0]
    const pool = {
      pending: 0,
      run(_query: unknown, _trace: boolean, settle: (outcome: VmOutcome) => void) {
        runs++
        wall += 1_000
        const notes = { ...NO_NOTES, clock: 12_900 }
        queueMicrotask(() => settle({ is: 'failed', failure: { kind: 'time', message: 'stopped' }, notes }))
      },
    }
    const decisions = decisionsOf(pool, () => wall)
    const ask = () => decisions.find({ url: 'http://a:80', host: 'a' }, new AbortController().signal)
    await t.rejects(ask(), { code: 'PAC_FAILED' })
    wall += 90
    await t.rejects(ask(), { code: 'PAC_FAILED', pac: { cached: true } })
    t.equal(runs, 1)
    wall += 10
    await t.rejects(ask(), { code: 'PAC_FAILED', pac: { cached: false } })
    t.equal(runs, 2)
  },
)
