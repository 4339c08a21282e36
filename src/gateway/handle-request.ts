import { toGatewayError } from '../contracts/gateway-error.ts'
import type { RequestDialer, RequestFlow } from '../contracts/request.ts'
import type { Router } from '../contracts/route.ts'
import type { FlowRecords } from '../observe/flow-records.ts'

export interface RequestParts {
  readonly router: Router
  readonly requests: RequestDialer
  readonly records: Pick<FlowRecords, 'open'>
}

/** The life of one plain-HTTP request: the same decision as for a tunnel, made anew for each request of a connection. Never rejects. */
export async function handleRequest(flow: RequestFlow, parts: RequestParts, signal: AbortSignal): Promise<void> {
  const record = parts.records.open(flow)
  try {
    const route = await parts.router.route(flow, signal)
    record.decided(route)
    const upstream = await parts.requests.open(route, flow, flow.request, signal)
    record.dialed(upstream)
    record.ended(await flow.carry(upstream.value, record.counts))
  } catch (thrown) {
    const error = toGatewayError(thrown)
    flow.reject(error)
    record.failed(error)
  }
}
