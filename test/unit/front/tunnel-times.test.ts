import t from 'tap'
import { sweepPeriod, TunnelTimes } from '../../../src/front/tunnel-times.ts'

t.test('silence, age and a broken side end a tunnel, each in its time', async (t) => {
  const times = new TunnelTimes(4)
  const rules = { idleMs: 100, lifetimeMs: 1_000 }
  const check = (progress: number, now: number) => times.check(2, rules, progress, now)
  times.begin(2, 0)
  t.equal(check(0, 99), undefined)
  t.equal(check(1, 100), undefined, 'something has moved')
  t.equal(check(1, 199), undefined)
  t.equal(check(1, 200), 'idle')
  t.equal(check(2, 1_000), 'lifetime')
  times.linger(2, 'client', 300)
  times.linger(2, 'client', 5_000) // the first call counts
  t.equal(check(3, 299), undefined)
  t.equal(check(4, 300), 'client-reset', 'whatever moves')
  t.equal(times.check(3, { idleMs: 0, lifetimeMs: 0 }, 0, 1e9), undefined, '0 is no limit')
})

t.test('what a client said that broke off goes on as long as it moves', async (t) => {
  const times = new TunnelTimes(4)
  const check = (progress: number, now: number) => times.check(1, { idleMs: 0, lifetimeMs: 0 }, progress, now)
  times.begin(1, 0)
  t.equal(check(0, 500), undefined)
  times.hurry(1, 100, 0, 500)
  t.equal(check(0, 599), undefined)
  t.equal(check(1, 600), undefined)
  t.equal(check(1, 699), undefined)
  t.equal(check(1, 700), 'client-reset')
  times.ended(1)
  times.begin(1, 800)
  t.equal(check(0, 9_000), undefined, 'another tunnel in its row')
})

t.test('rare looks do not put off the end of a broken tunnel', async (t) => {
  const times = new TunnelTimes(4)
  t.equal(times.due, 0, 'at once')
  times.looked(10_000, 2_000)
  t.equal(times.due, 12_000)
  times.linger(2, 'client', 11_500)
  times.linger(1, 'client', 11_600)
  t.equal(times.due, 11_500)
  times.ended(2)
  t.equal(times.due, 11_600)
  times.linger(3, 'client', 99_000)
  times.ended(1)
  t.equal(times.due, 12_000)
  times.looked(12_000, 2_000)
  times.linger(0, 'client', 12_100)
  times.ended(3)
  t.equal(times.due, 13_000, 'one look a second is enough')
})

t.test('a row that is used again begins anew', async (t) => {
  const times = new TunnelTimes(1)
  times.begin(0, 0)
  times.linger(0, 'upstream', 5)
  times.ended(0)
  times.begin(0, 50)
  t.equal(times.since(0), 50)
  t.equal(times.check(0, { idleMs: 100, lifetimeMs: 100 }, 0, 149), undefined)
})

t.test(
  'limits are looked after every second, every other where several threads do, and more often where they are short',
  async (t) => {
    const door = (idleMs: number, lifetimeMs: number) => ({ rules: { idleMs, lifetimeMs } })
    t.equal(sweepPeriod([door(0, 0), door(300_000, 0)], 1), 1_000)
    t.equal(sweepPeriod([door(0, 0), door(300_000, 0)], 4), 2_000)
    t.equal(sweepPeriod([door(400, 0), door(0, 800)], 4), 100)
  },
)
