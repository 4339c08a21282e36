import t from 'tap'
import { ClientCounts, clientCountsMemory } from '../../../src/front/client-counts.ts'
import { Places } from '../../../src/front/places.ts'

const door = (maxConnections: number, number = 0) => ({ number, rules: { captured: false, maxConnections } })

function rig() {
  const connections = new Int32Array(new SharedArrayBuffer(16))
  const clients = new ClientCounts(
    clientCountsMemory(() => 1),
    'front',
  )
  const own = [0, 1].map(() => new Int32Array(new SharedArrayBuffer(8)))
  return { connections, own, threads: own.map((its) => new Places(connections, its, clients)) }
}

t.test('threads share the places of a door, and know which are their own', async (t) => {
  const { connections, own, threads } = rig()
  const [first, second] = threads as [Places, Places]
  const five = door(5)
  t.same(
    [first, second, first, second].map((places) => places.take(five)),
    [true, true, true, true],
  )
  Atomics.store(connections, 1, 1) // the gateway's own door has one
  for (const places of threads) {
    t.equal(places.isFull(five), true)
    t.equal(places.take(five), false)
  }
  t.equal(first.isFull(door(5, 1)), false, 'another door has its own')
  t.same(
    own.map((its) => its[0]),
    [2, 2],
  )
  first.free(five)
  t.equal(second.take(five), true)
  t.same(
    own.map((its) => its[0]),
    [1, 3],
  )
  t.equal(connections[0], 4)
})

t.test('two who want the last place at the same moment do not both get it', async (t) => {
  const { connections, threads } = rig()
  const [first, second] = threads as [Places, Places]
  const last = {
    number: 0,
    rules: {
      captured: false,
      /** Asked when the first has looked how many there are, and not taken its own yet: then the other takes it. */
      get maxConnections() {
        if (!crossed) {
          crossed = true
          t.equal(second.take(door(1)), true)
        }
        return 1
      },
    },
  }
  let crossed = false
  t.equal(first.take(last), false)
  t.equal(connections[0], 1)
})
