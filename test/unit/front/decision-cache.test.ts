import t from 'tap'
import { DecisionCache } from '../../../src/front/decision-cache.ts'

function setUp() {
  const epoch = new Int32Array(new SharedArrayBuffer(4))
  const forgotten: number[] = []
  return { epoch, forgotten, cache: new DecisionCache(epoch, (number) => forgotten.push(number)) }
}
const decided = (number: number) => ({ number, addresses: ['192.0.2.1'] })

t.test('a decision is used again for a second', async (t) => {
  const { cache, forgotten } = setUp()
  cache.keep('a', decided(1), 0, 100)
  t.match(cache.find('a', 1_099), decided(1))
  t.equal(cache.find('b', 1_099), undefined)
  t.equal(cache.find('a', 1_100), undefined)
  t.same(forgotten, [1])
})

t.test('none outlives its epoch, whether it was kept before the epoch ended or is brought after', async (t) => {
  const { cache, epoch, forgotten } = setUp()
  cache.keep('a', decided(1), 0, 0)
  Atomics.add(epoch, 0, 1)
  t.equal(cache.find('a', 1), undefined)
  cache.keep('b', decided(2), 0, 1)
  t.equal(cache.find('b', 1), undefined)
  t.same(forgotten, [1, 2])
})

t.test('the gateway hears of each decision that is never used again, once', async (t) => {
  const { cache, forgotten } = setUp()
  cache.keep('a', decided(1), 0, 0)
  cache.keep('a', decided(2), 0, 10)
  t.same(forgotten, [1], 'another took its place')
  cache.keep('b', decided(3), 0, 500)
  cache.prune(1_010)
  t.same(forgotten, [1, 2], 'too old')
  cache.forget('b')
  cache.forget('b')
  t.same(forgotten, [1, 2, 3])
})

t.test('a scan does not fill memory', async (t) => {
  const { cache, forgotten } = setUp()
  for (let number = 0; number < 10_000; number += 1) cache.keep(`host${number}`, decided(number), 0, 0)
  t.ok(forgotten.length >= 10_000 - 4_096)
})
