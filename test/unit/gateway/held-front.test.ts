import { closeSync, fstatSync, openSync } from 'node:fs'
import t from 'tap'
import type { ToFront } from '../../../src/front/messages.ts'
import { type FrontedQueue, HeldFront } from '../../../src/gateway/front/held-front.ts'

function rig() {
  const told: ToFront[] = []
  const done: string[] = []
  const numbers = new Map<string, number>()
  const lent: number[] = []
  const thread = { usable: true, tell: (message: ToFront) => void told.push(message) }
  const queue: FrontedQueue = {
    number: 100,
    isClosed: false,
    lend() {
      lent.push(openSync('/dev/null', 'r'))
      return lent.at(-1)!
    },
    leave: () => void done.push('leave'),
    takeBack: () => void done.push('take back'),
    held: ({ packet }) => void done.push(`held ${packet}`),
    lostElsewhere: (code) => void done.push(`lost ${code}`),
  }
  const front = new HeldFront<string>(thread, (door) => numbers.get(door))
  t.teardown(() => {
    for (const fd of lent) if (isOpen(fd)) closeSync(fd)
  })
  return { front, thread, queue, told, done, numbers, lent }
}

function isOpen(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice()
  } catch {
    return false
  }
}

t.test('not before the thread has every door that the connections come by', async (t) => {
  const { front, thread, queue, told, done, numbers, lent } = rig()
  thread.usable = false
  front.want({ queue, mark: 5, doors: { 4: 'four', 6: 'six' } })
  numbers.set('four', 1)
  front.look()
  thread.usable = true
  front.look()
  t.same(told, [])
  t.same(done, [], 'it has its own reader until then')
  numbers.set('six', 2)
  front.look()
  front.look()
  t.same(told, [{ kind: 'hold', hold: 0, descriptor: lent[0], queue: 100, mark: 5, doors: { 4: 1, 6: 2 } }])
  t.same(done, ['leave'])
})

t.test('another mark is told, with a descriptor of its own; the same is not told again', async (t) => {
  const { front, queue, told, numbers, lent } = rig()
  numbers.set('four', 1)
  front.want({ queue, mark: 5, doors: { 4: 'four' } })
  front.want({ queue, mark: 5, doors: { 4: 'four' } })
  t.equal(told.length, 1)
  front.want({ queue, mark: 6, doors: { 4: 'four' } })
  t.match(told.slice(1), [{ kind: 'let-go' }, { kind: 'hold', descriptor: lent[1], mark: 6 }])
  front.want(undefined)
  t.match(told.slice(3), [{ kind: 'let-go' }])
})

t.test('a thread that dies leaves the queue to its reader, and nothing open', async (t) => {
  const { front, queue, done, numbers, lent } = rig()
  numbers.set('four', 1)
  front.want({ queue, mark: 5, doors: { 4: 'four' } })
  front.lost()
  t.same(done, ['leave', 'take back'])
  t.notOk(isOpen(lent[0]!))
  front.lost()
  t.same(done, ['leave', 'take back'], 'once')
})

t.test('what the thread leaves to the door, and a queue that it cannot read', async (t) => {
  const { front, queue, done, numbers, lent } = rig()
  numbers.set('four', 1)
  front.obey({ held: [-1, 0, 9, 77, '10.0.0.2', 4_000, '192.0.2.1', 4, 443] })
  front.want({ queue, mark: 5, doors: { 4: 'four' } })
  front.obey({
    held: [-1, 0, 7, 77, '10.0.0.2', 4_000, '192.0.2.1', 4, 443, 3, 0, 8, 78, '10.0.0.2', 4_001, '192.0.2.1', 4, 443],
  })
  front.unreadable({ hold: 0, descriptor: lent[0]!, code: 105 })
  t.same(done, ['leave', 'held 7', 'held 8', 'lost 105'])
  t.notOk(isOpen(lent[0]!))
})

t.test('an attempt of an earlier queue is never taken for one of the queue that has come in its place', async (t) => {
  const { front, queue, told, done, numbers, lent } = rig()
  numbers.set('four', 1)
  const attempt = (hold: number, packet: number) => ({
    held: [-1, hold, packet, 77, '10.0.0.2', 4_000, '192.0.2.1', 4, 443],
  })
  front.want({ queue, mark: 5, doors: { 4: 'four' } })
  // The same number in the kernel, after another one in between: its packets are counted anew.
  const later: FrontedQueue = { ...queue, held: ({ packet }) => void done.push(`later ${packet}`) }
  front.want({ queue: later, mark: 5, doors: { 4: 'four' } })
  t.match(told, [{ hold: 0 }, { kind: 'let-go' }, { hold: 1 }])
  front.obey(attempt(0, 7))
  front.obey(attempt(1, 7))
  t.same(done, ['leave', 'leave', 'held 7', 'later 7'])
  front.unreadable({ hold: 0, descriptor: lent[0]!, code: 105 })
  front.want({ queue: later, mark: 6, doors: { 4: 'four' } })
  t.match(told.at(-1), { hold: 1 }, 'another mark: the packets are the same queue’s')
  t.same(done.splice(4), ['lost 105', 'leave'])

  const closed: FrontedQueue = { ...queue, isClosed: true }
  front.want({ queue: closed, mark: 6, doors: { 4: 'four' } })
  front.want({ queue, mark: 6, doors: { 4: 'four' } })
  front.obey(attempt(2, 7))
  t.same(done.splice(4), ['leave', 'leave'], 'of one that has been given back to the kernel nothing is said')
})

t.test(
  'of a queue that is lent anew the thread may say that it could not read it before: that is no word of the new descriptor',
  async (t) => {
    const { front, queue, numbers, lent } = rig()
    numbers.set('four', 1)
    front.want({ queue, mark: 5, doors: { 4: 'four' } })
    front.want({ queue, mark: 6, doors: { 4: 'four' } })
    front.unreadable({ hold: 0, descriptor: lent[0]!, code: 105 })
    t.notOk(isOpen(lent[0]!))
    t.ok(isOpen(lent[1]!))
    front.lost()
    t.notOk(isOpen(lent[1]!), 'it is known until the thread dies')
  },
)
