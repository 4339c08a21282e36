import { test } from 'tap'
import { type Ready, ReadyList } from '../../../src/front/ready-list.ts'

/** Writes its name down at each turn, and has work for so many. */
function worker(name: string, turns: number, log: string[], before: () => void = () => {}): Ready {
  let left = turns
  return {
    queued: false,
    move() {
      before()
      log.push(name)
      left -= 1
      return left > 0
    },
  }
}

test('each has one turn, in the order in which they came, however often they were added', async (t) => {
  const list = new ReadyList()
  const log: string[] = []
  const [a, b] = [worker('a', 1, log), worker('b', 1, log)]
  for (const one of [a, b, a, b]) list.add(one)
  list.turn()
  t.strictSame(log, ['a', 'b'])
  t.ok(list.isEmpty)
  list.turn()
  t.strictSame(log, ['a', 'b'])
})

test('who has more to do waits for the next turn, behind those who came meanwhile', async (t) => {
  const list = new ReadyList()
  const log: string[] = []
  const late = worker('late', 1, log)
  list.add(worker('much', 3, log))
  list.add(worker('brings another', 1, log, () => list.add(late)))
  list.turn()
  t.strictSame(log, ['much', 'brings another'])
  t.notOk(list.isEmpty)
  list.turn()
  t.strictSame(log, ['much', 'brings another', 'much', 'late'])
  list.turn()
  list.turn()
  t.strictSame(log, ['much', 'brings another', 'much', 'late', 'much'])
  t.ok(list.isEmpty)
})

test('one that adds itself while it has its turn is in the next, once', async (t) => {
  const list = new ReadyList()
  const log: string[] = []
  const self: Ready = worker('self', 2, log, () => list.add(self))
  list.add(self)
  list.turn()
  t.strictSame(log, ['self'])
  list.turn()
  t.strictSame(log, ['self', 'self'])
})

test('the only one is known where there is only one', async (t) => {
  const list = new ReadyList()
  t.equal(list.only, undefined)
  const [a, b] = [worker('a', 1, []), worker('b', 1, [])]
  list.add(a)
  t.equal(list.only, a)
  list.add(b)
  t.equal(list.only, undefined)
})
