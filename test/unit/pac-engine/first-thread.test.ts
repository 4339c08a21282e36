import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'
import { VmThread } from '../../../src/pac-engine/vm-thread.ts'

t.test('a script serves as soon as one thread has it', async (t) => {
  const { load } = VmThread.prototype
  t.teardown(() => {
    VmThread.prototype.load = load
  })
  let loads = 0
  // The others never come to their end.
  VmThread.prototype.load = function (known) {
    return ++loads === 1 ? load.call(this, known) : new Promise(() => {})
  }
  const limits = { ...DEFAULT_LIMITS, threads: 2, loadMs: 600_000, threadStartMs: 600_000 }
  const script = 'function FindProxyForURL(url, host) { return host }'
  const pool = new VmPool(script, { limits, clock: systemClock, known: () => [] })
  t.teardown(() => pool.close())
  t.match(await pool.start(), { is: 'ready' })
  t.equal(loads, 2, 'and another begins')
  const outcome = new Promise<VmOutcome>((settle) => pool.run({ url: 'http://a:80', host: 'a' }, false, settle))
  t.match(await outcome, { answer: 'a' })
})
