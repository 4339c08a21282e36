import type { FlowParts } from '../handle-flow.ts'
import type { Given } from './given-decisions.ts'

/** The parts for a flow that the front has begun: decided already, and asked of nobody who has refused it, in what is left of its time. Its record is that of one flow, from the first question on. */
export function goOn<C, U>(
  { dialers, relay, records }: FlowParts<C, U>,
  { route, failed, askedAt, decidedAt }: Given,
): FlowParts<C, U> {
  return {
    router: { route: async () => route },
    dialers: { dial: (_route, flow, signal) => dialers.dial(route, flow, signal, { since: decidedAt, failed }) },
    relay,
    records: {
      open(flow) {
        const record = records.open(flow, askedAt)
        record.decided(route, decidedAt)
        return record
      },
    },
  }
}
