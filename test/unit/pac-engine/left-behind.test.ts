import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'

t.setTimeout(120_000)

t.test('the slow one of a row that breaks behind it is answered too', async (t) => {
  const script = `function FindProxyForURL(url, host) {
    if (host === "slow") for (var i = 0; i < 3e5; i++);
    if (host === "evil") for (;;);
    return host }`
  const limits = { ...DEFAULT_LIMITS, evaluateMs: 2_000, asideMs: 60_000, crowdedMs: 60_000, hangingMs: 60_000 }
  const pool = new VmPool(script, { limits, clock: systemClock, known: () => [] })
  t.teardown(() => pool.close())
  t.match(await pool.start(), { is: 'ready' })
  const ask = (host: string) =>
    new Promise<VmOutcome>((settle) => pool.run({ url: `http://${host}:80`, host }, false, settle))
  // So that they are known to be quick, and go in rows.
  for (let i = 0; i < 40; i++) await Promise.all(Array.from({ length: 100 }, () => ask('quick')))
  for (let round = 0; round < 5; round++) {
    const [slow, evil] = await Promise.all([ask('slow'), ask('evil'), ask('quick')])
    t.match(slow, { answer: 'slow' })
    t.match(evil, { is: 'failed' })
  }
})
