import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createRelay, type RunningRelay } from '../../../src/relay/create-relay.ts'
import { relayContract } from '../../contract/relay.ts'

if (process.platform !== 'linux') t.plan(0, 'the kernel relay is for Linux')
else {
  const made: RunningRelay[] = []
  relayContract(t, async (limits) => {
    const lost: string[] = []
    const options = { ...limits, clock: systemClock, fast: true, fastAfterBytes: 0, threads: 1 }
    const running = createRelay({ ...options, onFastPathLost: (reason) => lost.push(reason) })
    await running.started
    if (lost.length > 0) throw new Error(`no fast path: ${lost[0]}`)
    made.push(running)
    return { relay: running, close: running.close }
  })
  t.test('those pairs were in the kernel indeed', async (t) => {
    const inKernel = made.reduce((sum, relay) => sum + relay.fastPairs().ever, 0)
    t.ok(inKernel > 310, `${inKernel} of them`)
  })
}
