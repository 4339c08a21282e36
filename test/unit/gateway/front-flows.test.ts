import { constants } from 'node:os'
import t from 'tap'
import type { DoorContext } from '../../../src/contracts/door.ts'
import type { Route, RouteQuery } from '../../../src/contracts/route.ts'
import type { Batch } from '../../../src/front/messages.ts'
import { FrontFlows } from '../../../src/gateway/front/front-flows.ts'
import { GivenDecisions } from '../../../src/gateway/front/given-decisions.ts'
import { FlowRecords } from '../../../src/observe/flow-records.ts'
import { createLog } from '../../../src/observe/log.ts'
import { Metrics } from '../../../src/observe/metrics.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

const NOTHING: Batch = {
  kind: 'batch',
  asks: [],
  begun: [],
  stands: [],
  ends: [],
  gone: [],
  failed: [],
  gifts: [],
  forgotten: [],
  held: [],
  dropped: [],
  troubles: [],
}

t.test('a client from before a reload that asks for credentials is its door’s to ask', async (t) => {
  const answers: unknown[] = []
  const flows = new FrontFlows(
    {
      clock: manualClock(),
      // Nothing is recorded, decided or identified here: the door does it.
      records: undefined as unknown as FlowRecords,
      ways: () => t.fail('nothing is decided') as never,
      identified: () => t.fail('nobody is identified') as never,
    },
    { rows: new Float64Array(64), epoch: 7, answer: (...told) => answers.push(told) },
    new GivenDecisions(),
  )
  const context = { name: 'mixed', scope: 'host', auth: { check: () => undefined } } as unknown as DoorContext
  flows.obey({ ...NOTHING, asks: [1, 0, 0, 'origin.test', 0, 443, '127.0.0.1', 4_000, 0, 0] }, 0, () => ({ context }))
  t.same(answers, [[1, [], -1, 7]])
})

t.test('what was tried in vain for a client goes to its door with it', async (t) => {
  const clock = manualClock()
  const records = new FlowRecords(
    clock,
    createLog({ level: 'error', format: 'json' }),
    new Metrics(
      () => 0,
      () => 0,
    ),
  )
  const route = {
    decision: 'direct',
    candidates: [{ hops: [] }],
    because: { source: 'default', detail: '' },
    generation: 1,
  }
  const answers: unknown[] = []
  const given = new GivenDecisions()
  const flows = new FrontFlows(
    {
      clock,
      records,
      ways: () => ({
        identified: (query) => query,
        router: { route: async () => route as unknown as Route },
        dialers: { directAddresses: async () => ['192.0.2.1', '2001:db8::1'] },
      }),
      identified: (query) => query,
    },
    { rows: new Float64Array(64), epoch: 7, answer: (...told) => answers.push(told) },
    given,
  )
  const context = { name: 'mixed', scope: 'host', nextId: () => 'one' } as unknown as DoorContext
  const door = () => ({ context })
  const ask = (client: number) =>
    flows.obey({ ...NOTHING, asks: [client, 0, 0, 'origin.test', 0, 443, '127.0.0.1', 4_000, 0, 0] }, 0, door)
  const query: RouteQuery = {
    target: { host: 'origin.test', family: 0, port: 443 },
    scheme: 'https',
    scope: 'host',
    client: { address: '127.0.0.1', port: 4_000, local: true },
  }
  const gift = (client: number) => [{ client, door: 0, descriptor: -1, bytes: undefined, answered: 0 }]
  ask(1)
  await until('it is decided', () => answers.length === 1)
  clock.advance(550)
  // In whichever order: a batch may bring both, or one after the other.
  flows.obey({ ...NOTHING, failed: [1, '192.0.2.1', constants.errno.ECONNREFUSED] }, 0, door)
  flows.obey({ ...NOTHING, failed: [1, '2001:db8::1', constants.errno.ENETUNREACH], gifts: gift(1) }, 0, door)
  t.match(given.take('mixed', query, 7, clock.monotonic()), {
    route: { generation: 1 },
    askedAt: 0,
    decidedAt: 0,
    failed: [
      { address: '192.0.2.1', error: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 192.0.2.1:443' } },
      { address: '2001:db8::1', error: { code: 'ENETUNREACH', syscall: 'connect', port: 443 } },
    ],
  })
  ask(2)
  await until('it is decided', () => answers.length === 2)
  flows.obey({ ...NOTHING, gifts: gift(2) }, 0, door)
  t.match(given.take('mixed', query, 7, clock.monotonic()), { failed: [] }, 'what one was told is no other’s')
})

t.test(
  'no first byte came after the end, though the thread tells one by its clock and the other by its turn’s',
  async (t) => {
    const clock = manualClock()
    const lines: string[] = []
    const metrics = new Metrics(
      () => 0,
      () => 0,
    )
    const log = createLog({ level: 'info', format: 'json' }, { write: (line: string) => void lines.push(line) })
    const records = new FlowRecords(clock, log, metrics)
    const route = {
      decision: 'direct',
      candidates: [{ hops: [] }],
      because: { source: 'default', detail: '' },
      generation: 1,
    }
    const answers: unknown[] = []
    const flows = new FrontFlows(
      {
        clock,
        records,
        ways: () => ({
          identified: (query) => query,
          router: { route: async () => route as unknown as Route },
          dialers: { directAddresses: async () => ['192.0.2.1'] },
        }),
        identified: (query) => query,
      },
      { rows: new Float64Array(64), epoch: 7, answer: (...told) => answers.push(told) },
      new GivenDecisions(),
    )
    const context = { name: 'mixed', scope: 'host', nextId: () => 'one' } as unknown as DoorContext
    const door = () => ({ context })
    flows.obey({ ...NOTHING, asks: [1, 0, 0, 'origin.test', 0, 443, '127.0.0.1', 4_000, 0, 100] }, 1_000, door)
    await until('it is decided', () => answers.length === 1)
    flows.obey({ ...NOTHING, stands: [1, 103], ends: [1, 0, 5, 7, 12, 110] }, 1_000, door)
    t.match(JSON.parse(lines[0]!), { firstByteMs: 12, durationMs: 15, bytesUp: 5, bytesDown: 7 })
  },
)
