import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { Decisions } from '../../../src/pac-engine/decisions.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { PacDns } from '../../../src/pac-engine/pac-dns.ts'
import type { Version } from '../../../src/pac-engine/script-in-use.ts'
import { CLOSED } from '../../../src/pac-engine/vm-job.ts'
import { NO_NOTES, type VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

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

function decisionsOf(
  version: () => Version | undefined,
  firstVersion: () => Promise<Version | GatewayError>,
): Decisions {
  return new Decisions({
    origin: 'script',
    way: {},
    limits: DEFAULT_LIMITS,
    clock: manualClock(),
    dns: { serial: 0, sweep() {}, noteUsed() {}, expiryOf: () => Number.POSITIVE_INFINITY } as unknown as PacDns,
    alerts: { tell() {} },
    record: { decided() {} },
    version,
    firstVersion,
  })
}

t.test('what waited for a version that is replaced is put to the new one; with none, it hears why', async (t) => {
  const [old, next] = [versionOf('old'), versionOf('next')]
  let inUse: Version | undefined = old.version
  let why: Version | GatewayError = old.version
  const decisions = decisionsOf(
    () => inUse,
    async () => inUse ?? why,
  )
  const find = () => decisions.find({ url: 'http://a:80', host: 'a' }, new AbortController().signal)
  const asked = find()
  inUse = next.version
  old.settles[0]!(CLOSED)
  await until('it is asked', () => next.settles.length > 0)
  next.settles[0]!({ is: 'answer', answer: 'DIRECT', notes: NO_NOTES, ms: 0 })
  t.match(await asked, { result: 'DIRECT', trace: { sha256: 'next' } })

  decisions.forget()
  const late = find()
  inUse = undefined
  why = new GatewayError('PAC_FAILED', 'the script is gone')
  next.settles[1]!(CLOSED)
  await t.rejects(late, why)

  inUse = next.version
  const cut = find()
  next.settles[2]!(CLOSED)
  await t.rejects(cut, { code: 'SHUTTING_DOWN' }, 'its threads are gone, and no other version is there')
})

t.test('who asks while a new version decides does not join what the old one is asked', async (t) => {
  const [old, next] = [versionOf('old'), versionOf('next')]
  let inUse = old.version
  const decisions = decisionsOf(
    () => inUse,
    async () => inUse,
  )
  const find = () => decisions.find({ url: 'http://a:80', host: 'a' }, new AbortController().signal)
  const before = find()
  inUse = next.version
  decisions.forget()
  const after = find()
  old.settles[0]!({ is: 'answer', answer: 'PROXY old:1', notes: NO_NOTES, ms: 0 })
  next.settles[0]!({ is: 'answer', answer: 'PROXY new:1', notes: NO_NOTES, ms: 0 })
  t.match([await before, await after], [{ result: 'PROXY old:1' }, { result: 'PROXY new:1' }])
})
