import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { relayContract } from '../../contract/relay.ts'

if (process.platform !== 'linux') t.plan(0, 'the kernel relay is for Linux')
else {
  let inKernel = 0
  relayContract(t, async (limits) => {
    const lost: string[] = []
    const options = { ...limits, clock: systemClock, fast: true, fastAfterBytes: 0, threads: 1 }
    const running = createRelay({ ...options, onFastPathLost: (reason) => lost.push(reason) })
    await running.started
    if (lost.length > 0) throw new Error(`no fast path: ${lost[0]}`)
    return {
      relay: running,
      async close() {
        inKernel += running.fastPairs().ever
        await running.close()
      },
    }
  })
  t.test('those pairs were in the kernel indeed', async (t) => {
    t.ok(inKernel > 310, `${inKernel} of them`)
  })
}
