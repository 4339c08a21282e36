import t from 'tap'
import type { DoorContext } from '../../../src/contracts/door.ts'
import type { Batch } from '../../../src/front/messages.ts'
import { FrontFlows } from '../../../src/gateway/front/front-flows.ts'
import type { FlowRecords } from '../../../src/observe/flow-records.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const NOTHING: Batch = {
  kind: 'batch',
  asks: [],
  begun: [],
  stands: [],
  ends: [],
  gone: [],
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
  )
  const context = { name: 'mixed', scope: 'host', auth: { check: () => undefined } } as unknown as DoorContext
  flows.obey({ ...NOTHING, asks: [1, 0, 0, 'origin.test', 0, 443, '127.0.0.1', 4_000, 0, 0] }, 0, () => ({ context }))
  t.same(answers, [[1, [], -1, 7]])
})
