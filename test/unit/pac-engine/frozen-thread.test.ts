import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { DEFAULT_LIMITS } from '../../../src/pac-engine/limits.ts'
import type { VmOutcome } from '../../../src/pac-engine/vm-outcome.ts'
import { VmPool } from '../../../src/pac-engine/vm-pool.ts'
import { VmThread } from '../../../src/pac-engine/vm-thread.ts'

t.test('an evaluation whose thread got no processor while others waited has another turn', async (t) => {
  const { look } = VmThread.prototype
  t.teardown(() => {
    VmThread.prototype.look = look
  })
  // As if the thread stood still: seen at its job for longer than one that could hear would have stayed.
  VmThread.prototype.look = function (now) {
    const running = look.call(this, now)
    return !this.second && running >= limits.slowMs ? running + 300 : running
  }
  const aLot = 600_000
  const patient = { evaluateMs: aLot, loadMs: aLot, threadStartMs: aLot, secondTurnMs: aLot }
  const limits = { ...DEFAULT_LIMITS, ...patient, threads: 1, maxThreads: 1, crowdedMs: 200, graceMs: 50 }
  const script = `function FindProxyForURL(url, host) {
    if (host === "long") for (var i = 0; i < 5e6; i++);
    return host }`
  const pool = new VmPool(script, { limits, clock: systemClock, known: () => [] })
  t.teardown(() => pool.close())
  t.match(await pool.start(), { is: 'ready' })
  const ask = (host: string) =>
    new Promise<VmOutcome>((settle) => pool.run({ url: `http://${host}:80`, host }, false, settle))
  const all = await Promise.all([ask('long'), ask('other'), ask('another')])
  t.match(all, [{ answer: 'long' }, { answer: 'other' }, { answer: 'another' }])
})
