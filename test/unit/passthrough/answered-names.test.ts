import t from 'tap'
import { createAnsweredNames } from '../../../src/passthrough/names/answered-names.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

t.test('each client has its own names', async (t) => {
  const names = createAnsweredNames({ clock: manualClock() })
  names.remember('10.0.0.2', 'a.test', ['192.0.2.1', '2001:db8::1'], 60)
  names.remember('10.0.0.3', 'b.test', ['192.0.2.1'], 60)
  t.same(names.namesOf('10.0.0.2', '192.0.2.1'), ['a.test'])
  t.same(names.namesOf('10.0.0.2', '2001:db8::1'), ['a.test'])
  t.same(names.namesOf('10.0.0.3', '192.0.2.1'), ['b.test'])
  t.same(names.namesOf('10.0.0.3', '2001:db8::1'), [])
})

t.test('names that share an address: all of them, the one told last first', async (t) => {
  const names = createAnsweredNames({ clock: manualClock() })
  names.remember('c', 'a.test', ['192.0.2.1'], 60)
  names.remember('c', 'b.test', ['192.0.2.1'], 60)
  t.same(names.namesOf('c', '192.0.2.1'), ['b.test', 'a.test'])
  names.remember('c', 'a.test', ['192.0.2.1'], 60)
  t.same(names.namesOf('c', '192.0.2.1'), ['a.test', 'b.test'], 'told again')
})

t.test('for the TTL and a grace, each name by itself', async (t) => {
  const clock = manualClock()
  const names = createAnsweredNames({ clock, graceMs: 10_000 })
  names.remember('c', 'longer.test', ['192.0.2.1'], 6)
  names.remember('c', 'short.test', ['192.0.2.1'], 5)
  names.remember('c', 'forever.test', ['192.0.2.2'], 2 ** 31)
  clock.advance(14_999)
  t.same(names.namesOf('c', '192.0.2.1'), ['short.test', 'longer.test'])
  clock.advance(1)
  t.same(names.namesOf('c', '192.0.2.1'), ['longer.test'])
  clock.advance(1_000)
  t.same(names.namesOf('c', '192.0.2.1'), [])
  clock.advance(24 * 3600 * 1000)
  t.same(names.namesOf('c', '192.0.2.2'), [], 'no TTL is longer than a day')
})

t.test('bounded: the oldest goes', async (t) => {
  const names = createAnsweredNames({ clock: manualClock(), maxClients: 2, maxAnswers: 2 })
  names.remember('a', 'n.test', ['1.1.1.1', '2.2.2.2', '3.3.3.3'], 60)
  t.same(
    ['1.1.1.1', '2.2.2.2', '3.3.3.3'].map((address) => names.namesOf('a', address)),
    [[], ['n.test'], ['n.test']],
  )
  names.remember('b', 'n.test', ['1.1.1.1'], 60)
  names.remember('a', 'n.test', ['4.4.4.4'], 60)
  names.remember('c', 'n.test', ['1.1.1.1'], 60)
  t.same(names.namesOf('b', '1.1.1.1'), [], 'b had not asked for the longest time')
  t.same(names.namesOf('a', '4.4.4.4'), ['n.test'])
})

t.test('bounded: all clients together; who has not asked for the longest goes', async (t) => {
  const names = createAnsweredNames({ clock: manualClock(), maxTotal: 5, maxAnswers: 4 })
  names.remember('a', 'n.test', ['1.1.1.1', '2.2.2.2'], 60)
  names.remember('b', 'n.test', ['1.1.1.1', '2.2.2.2'], 60)
  names.remember('a', 'n.test', ['1.1.1.1'], 60)
  names.remember('c', 'n.test', ['1.1.1.1'], 60)
  t.same(names.namesOf('b', '1.1.1.1'), ['n.test'], 'five in all')
  names.remember('c', 'n.test', ['2.2.2.2'], 60)
  t.same(names.namesOf('b', '1.1.1.1'), [])
  t.same(names.namesOf('a', '2.2.2.2'), ['n.test'])
  names.remember('d', 'n.test', ['1.1.1.1'], 60)
  t.same(names.namesOf('a', '2.2.2.2'), ['n.test'], 'what b had is free')
  names.remember('e', 'n.test', ['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4', '5.5.5.5', '6.6.6.6'], 60)
  t.same(
    ['a', 'c', 'd', 'e'].map((client) => names.namesOf(client, client === 'e' ? '6.6.6.6' : '1.1.1.1').length),
    [0, 0, 1, 1],
  )
})

t.test('of one answer the first 64 addresses', async (t) => {
  const names = createAnsweredNames({ clock: manualClock() })
  const many = Array.from({ length: 1000 }, (_, n) => `10.0.${n >> 8}.${n & 255}`)
  names.remember('c', 'many.test', many, 60)
  t.same(names.namesOf('c', many[63]!), ['many.test'])
  t.same(names.namesOf('c', many[64]!), [])
})

t.test('bounded: thousands of names for one address', async (t) => {
  const names = createAnsweredNames({ clock: manualClock(), maxAnswers: 20 })
  for (let n = 1; n <= 5000; n++) names.remember('c', `${n}.test`, ['1.1.1.1'], 60)
  t.equal(names.namesOf('c', '1.1.1.1').length, 16)
  t.equal(names.namesOf('c', '1.1.1.1')[0], '5000.test')
  for (let n = 1; n <= 4; n++) names.remember('c', `${n}.test`, ['2.2.2.2'], 60)
  t.equal(names.namesOf('c', '1.1.1.1').length, 16, 'together as many as may be')
  names.remember('c', '5.test', ['2.2.2.2'], 60)
  t.same(names.namesOf('c', '1.1.1.1'), [], 'the address whose names were told longest ago goes as a whole')
  t.equal(names.namesOf('c', '2.2.2.2').length, 5)
})

t.test('says when somebody would be answered something else', async (t) => {
  let changes = 0
  const names = createAnsweredNames({ clock: manualClock(), onChange: () => changes++ })
  const said = (name: string, address: string) => {
    const before = changes
    names.remember('10.0.0.2', name, [address], 60)
    return changes - before
  }
  t.equal(said('a.test', '192.0.2.1'), 1)
  t.equal(said('a.test', '192.0.2.1'), 0, 'the same again')
  t.equal(said('b.test', '192.0.2.1'), 1)
  t.equal(said('a.test', '192.0.2.1'), 1, 'the latest is another')
  t.equal(said('a.test', '192.0.2.2'), 1)
})
