import { randomInt } from 'node:crypto'
import t from 'tap'
import { isFairShare } from '../../../src/contracts/fair-share.ts'
import { ClientCounts, clientCountsMemory } from '../../../src/front/client-counts.ts'

const chance = () => randomInt(2 ** 32) | 0

t.test('two sides count their own, and see both', async (t) => {
  const memory = clientCountsMemory(chance)
  const [front, doors] = [new ClientCounts(memory, 'front'), new ClientCounts(memory, 'doors')]
  front.add('10.0.0.2')
  front.add('10.0.0.2')
  doors.add('10.0.0.2')
  doors.add('fd00::2')
  for (const side of [front, doors]) {
    t.equal(side.of('10.0.0.2'), 3)
    t.equal(side.of('fd00::2'), 1)
    t.equal(side.of('10.0.0.3'), 0)
  }
  front.remove('10.0.0.2')
  t.equal(doors.of('10.0.0.2'), 2)
  new Int32Array(memory.front).fill(0)
  t.equal(doors.of('10.0.0.2'), 1, 'of a thread that has died nothing is left')
})

t.test('neighbours have places of their own', async (t) => {
  const counts = new ClientCounts(clientCountsMemory(chance), 'doors')
  for (let time = 0; time < 10_000; time += 1) counts.add('172.17.0.2')
  const wrong = Array.from({ length: 65_536 }, (_, host) => `172.18.${host >> 8}.${host & 255}`).filter(
    (client) => counts.of(client) > 0,
  )
  t.same(wrong, [])
})

t.test('many clients at once are each counted nearly right, and never too low', async (t) => {
  const counts = new ClientCounts(clientCountsMemory(chance), 'doors')
  const clients = Array.from({ length: 1_000 }, (_, host) => `172.17.${host >> 8}.${host & 255}`)
  for (const client of clients) for (let time = 0; time < 5; time += 1) counts.add(client)
  t.ok(clients.every((client) => counts.of(client) >= 5))
  t.ok(clients.filter((client) => counts.of(client) > 5).length < 20, 'two rows, so hardly anybody meets somebody')
})

t.test('a fair share is what is left for the others', async (t) => {
  /** Each takes all that it can, in turn. */
  const take = (clients: number, limit: number): number[] => {
    const counts = new Array<number>(clients).fill(0)
    const all = () => counts.reduce((sum, count) => sum + count, 0)
    for (let before = -1; before !== all(); ) {
      before = all()
      for (let client = 0; client < clients; client += 1) {
        if (isFairShare(counts[client]! + 1, all() + 1, limit)) counts[client]! += 1
      }
    }
    return counts
  }
  t.same(take(1, 20_000), [10_000])
  t.same(take(2, 20_000), [6_667, 6_667])
  t.same(take(1, 1), [1])
  t.same(take(1, 2), [1])
  t.same(take(3, 1), [1, 0, 0])
  const greedy = take(50, 20_000)
  t.ok(isFairShare(1, greedy.reduce((sum, count) => sum + count, 0) + 1, 20_000), 'there is room for another')
})
