import t from 'tap'
import { Decisions } from '../../../src/pac-engine/decisions.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import type { Version } from '../../../src/pac-engine/script-in-use.ts'
import { NO_NOTES, type VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { CLOSED } from '../../../src/pac-engine/vm-thread.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

/** A version whose evaluations are settled by hand. */
function versionOf(name: string) {
  const settles: ((outcome: VmOutcome) => void)[] = []
  const pool = {
    pending: 0,
    run: (_query: unknown, _trace: boolean, settle: (outcome: VmOutcome) => void) => settles.push(settle),
  }
  const version = { script: { sha256: name, text: '' }, pool, readAt: 0 } as unknown as Version
  return { version, settles }
}

t.test('what waited for a version that is replaced is put to the new one; with none, it fails', async (t) => {
  const [old, next] = [versionOf('old'), versionOf('next')]
  let inUse: Version | undefined = old.version
  const decisions = new Decisions({
    origin: 'script',
    way: {},
    limits: DEFAULT_LIMITS,
    clock: manualClock(),
    dns: { serial: 0, sweep() {}, noteUsed() {}, expiryOf: () => Number.POSITIVE_INFINITY } as unknown as PacDns,
    log: () => {},
    version: () => inUse,
    firstVersion: async () => old.version,
  })
  const find = () => decisions.find({ url: 'http://a:80', host: 'a' }, new AbortController().signal)
  const asked = find()
  inUse = next.version
  old.settles[0]!(CLOSED)
  next.settles[0]!({ is: 'answer', answer: 'DIRECT', notes: NO_NOTES, ms: 0 })
  t.match(await asked, { result: 'DIRECT', trace: { sha256: 'next' } })

  decisions.forget()
  const late = find()
  next.settles[1]!(CLOSED)
  await t.rejects(late, { code: 'PAC_FAILED' })
})
