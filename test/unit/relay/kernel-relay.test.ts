import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { Relay } from '../../../src/contracts/relay.ts'
import { createRelay } from '../../../src/relay/create-relay.ts'
import { relayContract } from '../../contract/relay.ts'

if (process.platform !== 'linux') t.plan(0, 'the kernel relay is for Linux')
else {
  let inKernel = 0
  relayContract(t, async (limits) => {
    const lost: string[] = []
    const options = { ...limits, clock: systemClock, fast: true, threads: 1 }
    const running = createRelay({ ...options, onFastPathLost: (reason) => lost.push(reason) })
    await running.started
    if (lost.length > 0) throw new Error(`no fast path: ${lost[0]}`)
    const relay: Relay = (...pair) => {
      const before = running.fastPairs()
      const result = running(...pair)
      inKernel += running.fastPairs() - before
      return result
    }
    return { relay, close: running.close }
  })
  t.test('those pairs were in the kernel indeed', async (t) => {
    t.ok(inKernel > 310, `${inKernel} of them`)
  })
}
