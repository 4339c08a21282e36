import type { Conn } from '../contracts/conn.ts'
import type { BegunDial, Dialed } from '../contracts/dialer.ts'
import type { Flow } from '../contracts/flow.ts'
import { toGatewayError } from '../contracts/gateway-error.ts'
import type { RelayCounts } from '../contracts/relay.ts'
import type { Route, RouteQuery, Router } from '../contracts/route.ts'
import type { Ending, FlowRecords } from '../observe/flow-records.ts'

export interface FlowParts<C = Conn, U = Conn> {
  readonly router: Router
  readonly dialers: {
    /** As of `Dialers`. */
    dial(route: Route, flow: RouteQuery, signal: AbortSignal, begun?: BegunDial): Promise<Dialed<U>>
  }
  readonly relay: (client: C, upstream: U, signal: AbortSignal, counts: RelayCounts) => Promise<Ending>
  readonly records: Pick<FlowRecords, 'open'>
}

/** The life of a tunnel, from a client's wish to the last byte. Never rejects. */
export async function handleFlow<C, U extends { destroy(): unknown }>(
  flow: Flow<C>,
  parts: FlowParts<C, U>,
  signal: AbortSignal,
): Promise<void> {
  const record = parts.records.open(flow)
  let upstream: Dialed<U>
  try {
    const route = await parts.router.route(flow, signal) // a decision and its reasons, nothing else
    record.decided(route)
    upstream = await parts.dialers.dial(route, flow, signal) // candidates in order, one absolute deadline
    record.dialed(upstream)
  } catch (thrown) {
    const error = toGatewayError(thrown)
    flow.reject(error) // 502 · SOCKS reply code · TCP reset
    return record.failed(error)
  }
  try {
    const client = await flow.accept() // 200 · SOCKS success · SYN-ACK
    record.ended(await parts.relay(client, upstream.value, signal, record.counts))
  } catch (thrown) {
    record.failed(toGatewayError(thrown)) // the client left between the dial and the accept
  } finally {
    upstream.value.destroy()
  }
}
