import t from 'tap'
import { MAX_PENDING_A_CLIENT, PendingHolds } from '../../../src/passthrough/pending-holds.ts'

t.test('an attempt is new once, then repeated; silent ones stay silent', async (t) => {
  const holds = new PendingHolds<string>()
  t.equal(holds.begin('a', 'client'), 'new')
  t.equal(holds.begin('a', 'client'), 'repeated')
  holds.silence('a')
  t.equal(holds.begin('a', 'client'), 'silent')
  t.equal(holds.size, 0)
})

t.test('one client’s attempts leave room for those of all others', async (t) => {
  const holds = new PendingHolds<string>()
  for (let attempt = 0; attempt < MAX_PENDING_A_CLIENT; attempt += 1) holds.begin(`scanner ${attempt}`, 'scanner')
  t.equal(holds.begin('scanner more', 'scanner'), 'full-for-client')
  t.equal(holds.begin('neighbour', 'neighbour'), 'new')
  holds.end('scanner 0')
  t.equal(holds.begin('scanner more', 'scanner'), 'new', 'what has ended makes room')
  holds.silence('scanner 1')
  t.equal(holds.begin('scanner yet more', 'scanner'), 'new', 'and so does what gets no answer')
})

t.test('a delivered connection makes room, and ends once only', async (t) => {
  const holds = new PendingHolds<string>()
  for (let attempt = 0; attempt < MAX_PENDING_A_CLIENT; attempt += 1) holds.begin(`${attempt}`, 'client')
  const arrived: string[] = []
  holds.expect('0', (socket) => arrived.push(socket))
  t.equal(holds.deliver('0', 'socket'), true)
  t.equal(holds.deliver('0', 'socket'), false)
  holds.end('0')
  t.same(arrived, ['socket'])
  t.equal(holds.begin('new', 'client'), 'new')
  t.equal(holds.begin('newer', 'client'), 'full-for-client')
})

t.test('all clients together have a limit too', async (t) => {
  const holds = new PendingHolds<string>()
  let taken = 0
  for (let client = 0; client < 100; client += 1) {
    for (let attempt = 0; attempt < MAX_PENDING_A_CLIENT; attempt += 1) {
      if (holds.begin(`${client} ${attempt}`, `${client}`) === 'new') taken += 1
    }
  }
  t.equal(taken, 4096)
  t.equal(holds.begin('another', 'another'), 'full')
})
