import t from 'tap'
import { ScriptKeeper } from '../../../src/pac-engine/script-keeper.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

t.test('an embedded script that did not load is tried again, and left alone once it has', async (t) => {
  const clock = manualClock()
  const tries: number[] = []
  const keeper = new ScriptKeeper({
    source: { kind: 'embedded', script: 'function FindProxyForURL() { return "DIRECT" }' },
    clock,
    use: async () => {
      tries.push(clock.monotonic())
      if (tries.length < 3) throw new Error('the machine is too busy to run it in time')
    },
    useStored: async () => false,
    confirmed: () => true,
    failed: () => {},
    stored: () => {},
  })
  t.teardown(() => keeper.close())
  await keeper.refresh()
  t.same(tries, [0])
  t.equal(clock.pending, 1, 'another try is planned')
  clock.advance(8_000)
  await until('the second failure', () => tries.length === 2 && clock.pending === 1)
  t.same(tries, [0, 8_000])
  clock.advance(32_000)
  await until('the third try', () => tries.length === 3)
  t.same(tries, [0, 8_000, 40_000], 'with growing pauses')
  t.equal(clock.pending, 0, 'nothing is planned for a script that cannot change')
})
