import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { createPortableRelay } from '../../../src/relay/portable.ts'
import { relayContract } from '../../contract/relay.ts'

relayContract(t, async (limits) => ({
  relay: createPortableRelay({ ...limits, clock: systemClock }),
  close: async () => {},
}))
