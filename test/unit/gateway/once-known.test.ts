import t from 'tap'
import type { RelayEnd } from '../../../src/contracts/relay.ts'
import type { Route, RouteQuery } from '../../../src/contracts/route.ts'
import { goOn } from '../../../src/gateway/front/go-on.ts'
import { type FlowParts, handleFlow } from '../../../src/gateway/handle-flow.ts'
import { onceKnown } from '../../../src/gateway/once-known.ts'
import { FlowRecords } from '../../../src/observe/flow-records.ts'
import { createLog } from '../../../src/observe/log.ts'
import { Metrics } from '../../../src/observe/metrics.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const ROUTE = { decision: 'direct', candidates: [{ hops: [] }], because: { source: 'default', detail: '' } }
const QUERY: RouteQuery = {
  target: { host: 'a.test', family: 0, port: 443 },
  scheme: 'https',
  scope: 'host',
  client: { address: '192.0.2.1', port: 4000, local: false },
}

t.test('what the front began before the client was asked for is one flow, from the front’s question on', async (t) => {
  const clock = manualClock(1_000)
  const lines: object[] = []
  const log = createLog({ level: 'info', format: 'json' }, { write: (text) => void lines.push(JSON.parse(text)) })
  const none = () => 0
  const records = new FlowRecords(clock, log, new Metrics(none, none))
  const route = ROUTE as unknown as Route
  const flow = { ...QUERY, id: '1', door: 'mixed', accept: async () => ({}), reject: () => t.fail('not refused') }
  let tell = (_flow: typeof flow) => {}
  const identified = new Promise<typeof flow>((resolve) => {
    tell = resolve
  })
  const { signal } = new AbortController()
  const ended = onceKnown(flow, identified, records, signal, (known, opens) => {
    const parts: FlowParts<object, { destroy(): void }> = {
      router: { route: async () => t.fail('decided already') as never },
      dialers: {
        async dial() {
          clock.advance(1)
          return { value: { destroy() {} }, candidate: { hops: [] }, failed: [] }
        },
      },
      relay: async () => ({ ended: 'finished' satisfies RelayEnd, bytesUp: 1, bytesDown: 2 }),
      records: opens,
    }
    const given = { query: known, route, epoch: 0, askedAt: 900, decidedAt: 930, failed: [] }
    return handleFlow(known, goOn(parts, given), signal)
  })
  t.equal(records.size, 1)
  clock.advance(200)
  tell({ ...flow, client: { ...flow.client, user: 'known' } })
  await ended
  t.equal(records.size, 0)
  t.match(lines, [{ flow: '1', user: 'known', decisionMs: 30, dialMs: 271, durationMs: 301, ended: 'finished' }])
  t.equal(lines.length, 1)
})
