import t from 'tap'
import { FairTurns } from '../../../src/passthrough/fair-turns.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('at once while nothing waits, then one in a turn, the clients in rotation', async (t) => {
  const turns = new FairTurns()
  const begun: string[] = []
  const ask = (client: string, what: string) => turns.run(client, () => void begun.push(what))
  for (const what of ['a1', 'a2', 'a3', 'a4']) ask('a', what)
  ask('b', 'b1')
  t.same(begun, ['a1'])
  await turn()
  t.same(begun, ['a1', 'a2'])
  ask('c', 'c1')
  await turn()
  await turn()
  await turn()
  t.same(begun, ['a1', 'a2', 'b1', 'a3', 'c1'])
  await turn()
  t.same(begun, ['a1', 'a2', 'b1', 'a3', 'c1', 'a4'])
  await turn()
  ask('b', 'b2')
  t.equal(begun.at(-1), 'b2', 'at once again')
})

t.test('what asks for more while it begins waits for its turn', async (t) => {
  const turns = new FairTurns()
  const begun: string[] = []
  turns.run('a', () => turns.run('a', () => void begun.push('inner')))
  t.same(begun, [])
  await turn()
  t.same(begun, ['inner'])
})
