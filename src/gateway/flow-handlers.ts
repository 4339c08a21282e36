import type { DoorContext } from '../contracts/door.ts'
import type { Flow } from '../contracts/flow.ts'
import type { RequestFlow } from '../contracts/request.ts'
import type { FlowRecords } from '../observe/flow-records.ts'
import type { DoorsFront } from './front/doors-front.ts'
import { goOn } from './front/go-on.ts'
import type { Generation } from './generation.ts'
import { handleFlow } from './handle-flow.ts'
import { handleRequest } from './handle-request.ts'
import type { Newcomers } from './newcomers.ts'
import { type Opens, onceKnown } from './once-known.ts'
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
    async handleFlow(flow, signal) {
      const serve = (identified: Flow, records: Opens) => {
        const given = front()?.given(identified)
        const { router, dialers, settings } = current()
        const parts = { router, dialers, relay: relays.for(settings), records }
        return handleFlow(identified, given ? goOn(parts, given) : parts, signal)
      }
      const identified = newcomers.identified(flow)
      if (identified instanceof Promise) return onceKnown(flow, identified, records, signal, serve)
      return serve(identified, records)
    },
    async handleRequest(flow, signal) {
      const serve = (identified: RequestFlow, records: Opens) => {
        const { router, requests } = current()
        return handleRequest(identified, { router, requests, records }, signal)
      }
      const identified = newcomers.identified(flow)
      if (identified instanceof Promise) return onceKnown(flow, identified, records, signal, serve)
      return serve(identified, records)
    },
  }
}
