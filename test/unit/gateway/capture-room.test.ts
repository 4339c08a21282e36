import t from 'tap'
import { ClientCounts, clientCountsMemory } from '../../../src/front/client-counts.ts'
import { captureRoom } from '../../../src/gateway/capture-room.ts'
import { tellCrowded } from '../../../src/gateway/crowded.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

t.test('one client leaves room for all others, wherever its connections are', async (t) => {
  const memory = clientCountsMemory(() => 7)
  const [front, doors] = [new ClientCounts(memory, 'front'), new ClientCounts(memory, 'doors')]
  let connections = 0
  const room = captureRoom({ clients: doors, connections: () => connections, maxConnections: () => 10 })
  const one = { ofClient: 1, ofAll: 1 }
  const take = (side: ClientCounts, client: string) => {
    t.equal(room.judge(client, one), 'room', `connection ${connections}`)
    side.add(client)
    connections += 1
  }
  for (let time = 0; time < 3; time += 1) take(front, 'greedy')
  for (let time = 0; time < 2; time += 1) take(doors, 'greedy')
  t.equal(room.judge('greedy', one), 'no-share')
  t.equal(room.judge('greedy', { ofClient: 0, ofAll: 0 }), 'room', 'what it has it keeps')
  for (let time = 0; time < 3; time += 1) take(doors, 'neighbour')
  t.equal(room.judge('neighbour', one), 'no-share')
  t.equal(room.judge('neighbour', { ofClient: 0, ofAll: 0 }), 'room')
  take(front, 'third')
  take(front, 'fourth')
  t.equal(room.judge('fifth', one), 'no-room')
  room.remove('neighbour')
  connections -= 1
  t.equal(room.judge('fifth', one), 'room')
  t.equal(room.judge('fifth', { ofClient: 1, ofAll: 2 }), 'no-room', 'attempts of others are under way')
})

t.test('who is refused is told once a minute, each kind by itself', async (t) => {
  const clock = manualClock()
  const said: string[] = []
  const crowded = tellCrowded(clock, (message) => said.push(message))
  crowded('10.0.0.2', 'no-share')
  crowded('10.0.0.2', 'no-share')
  crowded('10.0.0.3', 'no-share')
  t.equal(said.length, 1)
  t.match(said[0], /^capture: 10\.0\.0\.2 has as many connections as limits\.connections .* are refused$/)
  crowded('10.0.0.4', 'full-for-client')
  t.match(said[1], /^capture: 10\.0\.0\.4 has too many connection attempts[^(]*$/)
  clock.advance(60_000)
  crowded('10.0.0.3', 'no-share')
  t.match(said[2], /^capture: 10\.0\.0\.3 .* \(2 more of these\)$/)
})
