import t from 'tap'
import { FairQueue } from '../../../src/system/fair-queue.ts'

const queueOf = (maxBytes = 1_000_000) => new FairQueue<string>({ maxBytes, maxAgeMs: 2_000 })

t.test('one of each client in turn: who asks once waits for one of each other, not for thousands', (t) => {
  const queue = queueOf()
  for (let count = 0; count < 5_000; count += 1) queue.push('flood', `f${count}`, 100, 0)
  queue.push('quiet', 'q0', 100, 0)
  queue.push('other', 'o0', 100, 0)
  queue.push('quiet', 'q1', 100, 0)
  t.same(queue.take(600, 0), ['f0', 'q0', 'o0', 'f1', 'q1', 'f2'])
  queue.push('quiet', 'q2', 100, 0)
  t.same(queue.take(200, 0), ['f3', 'q2'])
  t.same(queue.take(100, 0), ['f4'], 'each in its order')
  t.equal(queue.lost(), 0)
  t.end()
})

t.test('too much: whoever has most of it loses its oldest', (t) => {
  const queue = queueOf(1_000)
  for (let count = 0; count < 30; count += 1) queue.push('flood', `f${count}`, 100, 0)
  t.equal(queue.lost(), 20)
  for (let count = 0; count < 4; count += 1) queue.push('quiet', `q${count}`, 100, 0)
  t.equal(queue.lost(), 4)
  t.equal(queue.lost(), 0, 'once')
  const left = queue.take(10_000, 0)
  t.same(left.toSorted(), ['f24', 'f25', 'f26', 'f27', 'f28', 'f29', 'q0', 'q1', 'q2', 'q3'])
  t.equal(queue.isEmpty, true)
  queue.push('huge', 'h', 5_000, 0)
  t.equal(queue.isEmpty, true, 'more than there is room for')
  t.equal(queue.lost(), 1)
  t.end()
})

t.test('what has waited too long is not carried any more', (t) => {
  const queue = queueOf()
  queue.push('a', 'old', 100, 0)
  queue.push('a', 'new', 100, 1_500)
  queue.push('b', 'older', 100, 0)
  t.same(queue.take(10_000, 2_001), ['new'])
  t.equal(queue.lost(), 2)
  t.equal(queue.isEmpty, true)
  t.end()
})

t.test('many clients, many datagrams: none is lost or doubled', (t) => {
  const queue = queueOf(Number.POSITIVE_INFINITY)
  const seen = new Set<string>()
  for (let count = 0; count < 20_000; count += 1) {
    queue.push(`c${count % 97}`, `${count}`, 1, 0)
    if (count % 3 === 0) for (const item of queue.take(2, 0)) seen.add(item)
  }
  while (!queue.isEmpty) for (const item of queue.take(100, 0)) seen.add(item)
  t.equal(seen.size, 20_000)
  t.end()
})
