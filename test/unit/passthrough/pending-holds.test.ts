import t from 'tap'
import { type AnswerHeld, MAX_PENDING_A_CLIENT, PendingHolds } from '../../../src/passthrough/pending-holds.ts'

const nobody: AnswerHeld = () => {}

t.test('an attempt is new once, then repeated; silent ones stay silent', async (t) => {
  const holds = new PendingHolds<string>()
  t.equal(holds.begin('a', 'client', 1, nobody), 'new')
  t.equal(holds.begin('a', 'client', 1, nobody), 'repeated')
  holds.refuse('a', undefined)
  t.equal(holds.begin('a', 'client', 1, nobody), 'repeated')
  t.equal(holds.begin('a', 'client', 2, nobody), 'new', 'another attempt from the same port, not a repetition')
  holds.end('a')
  t.equal(holds.begin('a', 'client', 1, nobody), 'new', 'and that is all that was remembered')
  holds.end('a')
  t.equal(holds.size, 0)
})

t.test('what was on its way already when its client was refused is told the same', async (t) => {
  const holds = new PendingHolds<string>()
  const said: unknown[] = []
  holds.begin('a', 'client', 1, nobody)
  holds.refuse('a', 'hostUnreachable')
  t.equal(
    holds.begin('a', 'client', 1, (answer) => said.push(answer)),
    'repeated',
  )
  t.same(said, ['hostUnreachable'])
  t.ok(holds.knows('a'))
  t.equal(holds.begin('a', 'client', 2, nobody), 'new', 'another attempt from the same port')
  holds.end('a')
  for (let attempt = 0; attempt < 5_000; attempt += 1) {
    holds.begin(`${attempt}`, 'client', 1, nobody)
    holds.refuse(`${attempt}`, 'reset')
  }
  t.notOk(holds.knows('0'), 'but not for ever')
  t.ok(holds.knows('4999'))
})

t.test('one client’s attempts leave room for those of all others', async (t) => {
  const holds = new PendingHolds<string>()
  for (let attempt = 0; attempt < MAX_PENDING_A_CLIENT; attempt += 1)
    holds.begin(`scanner ${attempt}`, 'scanner', 1, nobody)
  t.equal(holds.begin('scanner more', 'scanner', 1, nobody), 'full-for-client')
  t.equal(holds.begin('neighbour', 'neighbour', 1, nobody), 'new')
  holds.end('scanner 0')
  t.equal(holds.begin('scanner more', 'scanner', 1, nobody), 'new', 'what has ended makes room')
  holds.refuse('scanner 1', undefined)
  t.equal(holds.begin('scanner yet more', 'scanner', 1, nobody), 'new', 'and so does what gets no answer')
})

t.test('a delivered connection makes room, and ends once only', async (t) => {
  const holds = new PendingHolds<string>()
  for (let attempt = 0; attempt < MAX_PENDING_A_CLIENT; attempt += 1) holds.begin(`${attempt}`, 'client', 1, nobody)
  const arrived: string[] = []
  holds.expect('0', (socket) => arrived.push(socket))
  t.equal(holds.deliver('0', 'socket'), true)
  t.equal(holds.deliver('0', 'socket'), false)
  holds.end('0')
  t.same(arrived, ['socket'])
  t.equal(holds.begin('new', 'client', 1, nobody), 'new')
  t.equal(holds.begin('newer', 'client', 1, nobody), 'full-for-client')
})

t.test('a repetition that comes behind its connection is no other attempt', async (t) => {
  const holds = new PendingHolds<string>()
  const said: unknown[] = []
  holds.begin('a', 'client', 1, nobody)
  holds.expect('a', () => {})
  holds.deliver('a', 'socket')
  t.ok(holds.knows('a'), 'whoever asks has to come here')
  t.equal(
    holds.begin('a', 'client', 1, (answer) => said.push(answer)),
    'repeated',
  )
  t.same(said, ['accept'])
  t.equal(holds.size, 0)
  t.equal(holds.begin('a', 'client', 2, nobody), 'new', 'another one from the same port')
})

t.test('all clients together have a limit too', async (t) => {
  const holds = new PendingHolds<string>()
  let taken = 0
  for (let client = 0; client < 100; client += 1) {
    for (let attempt = 0; attempt < MAX_PENDING_A_CLIENT; attempt += 1) {
      if (holds.begin(`${client} ${attempt}`, `${client}`, 1, nobody) === 'new') taken += 1
    }
  }
  t.equal(taken, 4096)
  t.equal(holds.begin('another', 'another', 1, nobody), 'full')
})

t.test('of a repeated attempt the newer packet is held, and let in at once where the attempt was', async (t) => {
  const holds = new PendingHolds<string>()
  const said: string[] = []
  const packet =
    (name: string): AnswerHeld =>
    (answer) =>
      void said.push(`${name} ${answer}`)
  holds.begin('a', 'client', 1, packet('first'))
  t.equal(holds.begin('a', 'client', 1, packet('second')), 'repeated')
  t.same(said, ['first undefined'])
  holds.expect('a', () => {})
  t.same(said, ['first undefined', 'second accept'])
  holds.begin('a', 'client', 1, packet('third'))
  t.same(said.slice(2), ['third accept'], 'the one before may never have been let in')
  holds.end('a')
  holds.begin('b', 'client', 1, packet('other'))
  holds.refuse('b', 'reset')
  holds.begin('c', 'client', 1, packet('mute'))
  holds.refuse('c', undefined)
  t.same(said.slice(3), ['other reset', 'mute undefined'])
  t.equal(holds.size, 0)
})
