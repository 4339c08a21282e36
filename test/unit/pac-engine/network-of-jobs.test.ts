import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'

t.test('a question on its way takes what the old network answered into no VM of the new one', async (t) => {
  const limits = { ...DEFAULT_LIMITS, threads: 1, standbyMs: 600_000 }
  const script = 'function FindProxyForURL() { return "PROXY " + dnsResolve("office.test") + ":1" }'
  const pool = new VmPool(script, { limits, clock: systemClock, known: () => [] })
  t.teardown(() => pool.close())
  const ask = (address: string) =>
    new Promise<VmOutcome>((settle) =>
      pool.run({ url: 'http://a:80', host: 'a', held: [['office.test', address]] }, false, settle),
    )
  const before = ask('192.0.2.1')
  pool.beginAnew()
  const after = ask('198.51.100.1')
  await pool.start()
  t.match(await before, { is: 'missing', names: ['office.test'] })
  t.match(await after, { answer: 'PROXY 198.51.100.1:1' })
})
