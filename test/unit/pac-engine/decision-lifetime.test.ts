import t from 'tap'
import { Decisions } from '../../../src/pac-engine/decisions.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import type { Version } from '../../../src/pac-engine/script-in-use.ts'
import { NO_NOTES, type VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

/** Decisions whose evaluations are settled by hand, with names that resolve to what the test says. */
function underTest() {
  const clock = manualClock()
  const table = new Map<string, string>()
  const settles: ((outcome: VmOutcome) => void)[] = []
  const dns = new PacDns({
    resolver: { resolve: async (name) => [{ address: table.get(name)!, family: 4 }] },
    myAddresses: async () => [],
    clock,
    limits: DEFAULT_LIMITS,
    onChange() {},
  })
  const pool = {
    pending: 0,
    run: (_query: unknown, _trace: boolean, settle: (outcome: VmOutcome) => void) => settles.push(settle),
  }
  const version = { script: { sha256: 'one', text: '' }, pool, readAt: 0 } as unknown as Version
  const decisions = new Decisions({
    origin: 'script',
    way: {},
    limits: DEFAULT_LIMITS,
    clock,
    dns,
    alerts: { tell() {} },
    record: { decided() {} },
    version: () => version,
    firstVersion: async () => version,
  })
  const find = () => decisions.find({ url: 'http://a:80', host: 'a' }, new AbortController().signal)
  const answer = (text: string): VmOutcome => ({
    is: 'answer',
    answer: text,
    notes: { ...NO_NOTES, used: ['x.test'] },
    ms: 0,
  })
  return { clock, table, dns, settles, find, answer }
}

t.test('an answer that has become another one while the script ran is not remembered', async (t) => {
  const { clock, table, dns, settles, find, answer } = underTest()
  table.set('x.test', '192.0.2.1')
  await dns.resolve(['x.test'])
  const asked = find()
  clock.advance(DEFAULT_LIMITS.dnsGoodMs)
  dns.sweep()
  table.set('x.test', '192.0.2.2')
  await dns.resolve(['x.test'])
  settles[0]!(answer('PROXY 192.0.2.1:1'))
  t.match(await asked, { result: 'PROXY 192.0.2.1:1' })
  const again = find()
  t.equal(settles.length, 2)
  settles[1]!(answer('PROXY 192.0.2.2:1'))
  t.match(await again, { result: 'PROXY 192.0.2.2:1' })
  t.match(await find(), { trace: { cached: true } })
  t.equal(settles.length, 2, 'what holds is remembered')
})
