import { type GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { orAborted } from '../contracts/or-aborted.ts'
import type { FlowRecords, Recorded } from '../observe/flow-records.ts'

export type Opens = Pick<FlowRecords, 'open'>

interface Asked extends Recorded {
  reject(error: GatewayError): void
}

/**
 * Serves a flow whose client is still being asked for as soon as that is known. Meanwhile it is a flow like any other: shown, waited for by a drain, and at
 * an end with its client or the gateway. Never rejects, as `serve`, which opens the record that is open already.
 */
export async function onceKnown<F extends Asked>(
  flow: F,
  identified: Promise<F>,
  records: Opens,
  signal: AbortSignal,
  serve: (flow: F, records: Opens) => Promise<void>,
): Promise<void> {
  const record = records.open(flow)
  let known: F
  try {
    known = await orAborted(identified, signal)
  } catch (thrown) {
    const error = toGatewayError(thrown)
    flow.reject(error)
    return record.failed(error)
  }
  record.identified(known.client)
  await serve(known, {
    open(flow, at) {
      if (at === undefined) return record
      // It has begun before it came here: one line, from its first question on.
      record.forget()
      return records.open(flow, at)
    },
  })
}
