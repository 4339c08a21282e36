import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { DecisionCache } from '../../../src/pac-engine/decision-cache.ts'
import { NumberedJobs } from '../../../src/pac-engine/numbered-jobs.ts'
import { digestOf } from '../../../src/pac-engine/text-digest.ts'
import { type Entry, UnderWay } from '../../../src/pac-engine/under-way.ts'
import type { Job } from '../../../src/pac-engine/vm-job.ts'
import { ask, engineFor } from './engine-under-test.ts'

interface Thing extends Entry<Thing> {
  next: Thing | undefined
}

t.test('UnderWay: by key, also where digests meet', async (t) => {
  const table = new UnderWay<Thing>()
  const things = Array.from({ length: 5_000 }, (_, i): Thing => {
    const key = `http://host${i}/`
    // A third of them have one digest.
    return { key, digest: i % 3 === 0 ? 7 : digestOf(key), next: undefined }
  })
  for (const thing of things) table.add(thing)
  t.equal(table.size, 5_000)
  t.ok(things.every((thing) => table.get(thing.key, thing.digest) === thing))
  t.equal(table.get('http://host0/', 8), undefined)
  t.equal(table.get('none', 7), undefined)
  const [odd, even] = [things.filter((_, i) => i % 2 === 1), things.filter((_, i) => i % 2 === 0)]
  for (const thing of odd) table.delete(thing)
  for (const thing of odd) table.delete(thing)
  t.equal(table.size, even.length)
  t.ok(odd.every((thing) => table.get(thing.key, thing.digest) === undefined && thing.next === undefined))
  t.ok(even.every((thing) => table.get(thing.key, thing.digest) === thing))
  table.clear()
  t.equal(table.size, 0)
  table.delete(even[0] as Thing)
  t.equal(table.size, 0, 'what was forgotten may come to its end later')
})

t.test('NumberedJobs: taken once each, oldest first', async (t) => {
  const jobs = new NumberedJobs()
  const job = (url: string): Job => ({ url, host: url, trace: false, settle: () => {}, makeWay: () => {} })
  jobs.add(1, ['a', 'b', 'c'].map(job))
  jobs.add(4, ['d', 'e'].map(job))
  t.equal(jobs.size, 5)
  t.equal(jobs.get(4)?.url, 'd')
  t.equal(jobs.get(0), undefined)
  t.equal(jobs.get(6), undefined)
  t.equal(jobs.take(2)?.url, 'b')
  t.equal(jobs.take(2), undefined)
  t.equal(jobs.get(2), undefined)
  t.same(
    jobs.takeAll(4).map(({ url }) => url),
    ['a', 'c', 'e'],
  )
  t.equal(jobs.size, 1)
  jobs.add(6, [job('f')])
  t.same(
    jobs.takeAll().map(({ url }) => url),
    ['d', 'f'],
  )
  t.equal(jobs.size, 0)
  t.equal(jobs.take(6), undefined)
})

t.test('DecisionCache: in a rush only what comes again is kept', async (t) => {
  const answer = { result: 'DIRECT' }
  const admits = (cache: DecisionCache, url: string, at: number) => cache.admits(digestOf(url), answer, at)
  const cache = new DecisionCache(100, 1_000_000)
  let at = 0
  for (let i = 0; i < 99; i++) t.ok(admits(cache, `first${i}`, at++))
  for (let i = 0; i < 50; i++) admits(cache, `second${i}`, at++)
  t.notOk(admits(cache, 'new', at), 'fifty came within a second')
  t.ok(admits(cache, 'new', at), 'it comes again')
  t.ok(cache.admits(digestOf('failed'), new GatewayError('PAC_FAILED', 'no'), at), 'failures always')
  t.ok(admits(cache, 'other', at + 1_000), 'the rush is over')
  cache.clear()
  for (let i = 0; i < 200; i++) {
    at = 10_000 + i * 25
    t.ok(admits(cache, `slow${i}`, at), 'forty a second')
  }
})

t.test('what is asked for is remembered beside a rush', async (t) => {
  const engine = engineFor(t, 'function FindProxyForURL(url, host) { return "PROXY " + host + ":1" }', {
    limits: { cacheEntries: 200 },
  })
  await engine.ready
  for (let i = 0; i < 4; i++) await Promise.all(Array.from({ length: 100 }, (_, j) => ask(engine, `h${i}.${j}`)))
  const find = async () => {
    const { result, trace } = await engine.find({ url: 'http://kept/', host: 'kept' }, new AbortController().signal)
    return [result, trace?.cached]
  }
  await find()
  await find()
  t.same(await find(), ['PROXY kept:1', true])
})
