import t from 'tap'
import type { DialContext } from '../../../src/contracts/dialer.ts'
import type { DoorContext } from '../../../src/contracts/door.ts'
import type { Route, RouteQuery } from '../../../src/contracts/route.ts'
import { FrontDecision } from '../../../src/gateway/front/front-decision.ts'
import type { FlowRecord } from '../../../src/observe/flow-records.ts'

t.test('who the client is comes first: what is decided for it is what is dialled', async (t) => {
  const asked: RouteQuery = {
    target: { host: 'api.example.com', family: 0, port: 443 },
    scheme: 'https',
    scope: 'containers',
    client: { address: '172.18.0.2', port: 4000, local: false },
  }
  const known = { ...asked, client: { ...asked.client, container: { name: 'app' } } } as unknown as RouteQuery
  const route: Route = {
    decision: 'direct',
    candidates: [{ hops: [], addresses: ['172.18.0.3'] }],
    because: { source: 'own-network', detail: '' },
    generation: 1,
  }
  const [routed, dialled]: [RouteQuery[], DialContext[]] = [[], []]
  const decision = new FrontDecision({} as DoorContext, asked)
  await decision.make(
    {
      identified: async () => known,
      router: {
        async route(query) {
          routed.push(query)
          return route
        },
      },
      dialers: {
        async directAddresses(_, context) {
          dialled.push(context)
          return ['172.18.0.3']
        },
      },
    },
    { decided() {} } as unknown as FlowRecord,
    new AbortController().signal,
  )
  t.strictSame(routed, [known])
  t.match(dialled, [{ query: { client: { container: { name: 'app' } } }, addresses: ['172.18.0.3'] }])
  t.strictSame(decision.addresses, ['172.18.0.3'])
  t.notOk(decision.holdsForOthers)
})
