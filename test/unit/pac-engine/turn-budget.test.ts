import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { TurnBudget } from '../../../src/pac-engine/turn-budget.ts'
import { ask, engineFor } from './engine-under-test.ts'

t.test('so much a turn, in its order', async (t) => {
  const budget = new TurnBudget(32)
  const ran: number[] = []
  for (let i = 0; i < 7; i++) budget.spend(16, () => ran.push(i))
  budget.spend(0, () => ran.push(7))
  t.same(ran, [0, 1])
  await turn()
  t.same(ran, [0, 1, 2, 3])
  budget.spend(1, () => ran.push(8))
  t.same(ran, [0, 1, 2, 3], 'what comes later waits behind the rest')
  await turn()
  t.same(ran, [0, 1, 2, 3, 4, 5])
  await turn()
  t.same(ran, [0, 1, 2, 3, 4, 5, 6, 7, 8])
  await turn()
  await turn()
  budget.spend(16, () => ran.push(9))
  budget.spend(16, () => ran.push(10))
  t.equal(ran.length, 11, 'a turn without any leaves the whole budget to the next')
})

t.test('what costs more than a turn has gets one for itself', async (t) => {
  const budget = new TurnBudget(10)
  const ran: string[] = []
  for (const name of ['a', 'b']) budget.spend(50, () => ran.push(name))
  budget.spend(1, () => ran.push('c'))
  t.same(ran, ['a'])
  await turn()
  t.same(ran, ['a', 'b'])
  await turn()
  t.same(ran, ['a', 'b', 'c'])
})

t.test('answers that have come meanwhile are not all handed on in one turn', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { return "PROXY " + host + ":1" }', {
    limits: { batch: 16, turnAnswers: 16 },
  })
  await ask(engine, 'warm')
  let answered = 0
  let left = 64
  for (let i = 0; i < 64; i++) {
    void ask(engine, `host${i}`).then(() => {
      answered++
      left--
    })
  }
  const turns: number[] = []
  while (left > 0) {
    // The thread is through with what it has been sent before we look.
    for (const until = performance.now() + 10; performance.now() < until; );
    answered = 0
    await turn()
    turns.push(answered)
  }
  t.ok(Math.max(...turns) <= 16, `answers a turn: ${turns}`)
  t.equal(
    turns.reduce((sum, one) => sum + one, 0),
    64,
  )
})
