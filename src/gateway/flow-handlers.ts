import type { DoorContext } from '../contracts/door.ts'
import type { FlowRecords } from '../observe/flow-records.ts'
import type { DoorsFront } from './front/doors-front.ts'
import { goOn } from './front/go-on.ts'
import type { Generation } from './generation.ts'
import { handleFlow } from './handle-flow.ts'
import { handleRequest } from './handle-request.ts'
import type { Newcomers } from './newcomers.ts'
import type { Relays } from './relay.ts'

export interface FlowHandlersParts {
  /** The settings in force, asked for at each flow. */
  current(): Generation
  readonly newcomers: Pick<Newcomers, 'identified'>
  readonly relays: Relays
  readonly records: FlowRecords
  readonly nextId: DoorContext['nextId']
  /** None where there are no threads in front. */
  front(): DoorsFront | undefined
}

/** What doors do with a client: its container is asked for first, and then the settings of that moment decide. */
export function flowHandlers({
  current,
  newcomers,
  relays,
  records,
  nextId,
  front,
}: FlowHandlersParts): Pick<DoorContext, 'nextId' | 'handleFlow' | 'handleRequest'> {
  return {
    nextId,
    handleFlow: async (flow, signal) => {
      const identified = await newcomers.identified(flow)
      const given = front()?.given(identified)
      const { router, dialers, settings } = current()
      const parts = { router, dialers, relay: relays.for(settings), records }
      return handleFlow(identified, given ? goOn(parts, given) : parts, signal)
    },
    handleRequest: async (flow, signal) => {
      const identified = await newcomers.identified(flow)
      const { router, requests } = current()
      return handleRequest(identified, { router, requests, records }, signal)
    },
  }
}
