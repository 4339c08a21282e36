import t from 'tap'
import { createAnsweredNames } from '../../../src/passthrough/names/answered-names.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

t.test('each client has its own names, the latest answer counts', async (t) => {
  const names = createAnsweredNames({ clock: manualClock() })
  names.remember('10.0.0.2', 'a.test', ['192.0.2.1', '2001:db8::1'], 60)
  names.remember('10.0.0.3', 'b.test', ['192.0.2.1'], 60)
  t.equal(names.nameOf('10.0.0.2', '192.0.2.1'), 'a.test')
  t.equal(names.nameOf('10.0.0.2', '2001:db8::1'), 'a.test')
  t.equal(names.nameOf('10.0.0.3', '192.0.2.1'), 'b.test')
  t.equal(names.nameOf('10.0.0.3', '2001:db8::1'), undefined)
  names.remember('10.0.0.2', 'c.test', ['192.0.2.1'], 60)
  t.equal(names.nameOf('10.0.0.2', '192.0.2.1'), 'c.test')
})

t.test('for the TTL and a grace', async (t) => {
  const clock = manualClock()
  const names = createAnsweredNames({ clock, graceMs: 10_000 })
  names.remember('c', 'short.test', ['192.0.2.1'], 5)
  names.remember('c', 'forever.test', ['192.0.2.2'], 2 ** 31)
  clock.advance(14_999)
  t.equal(names.nameOf('c', '192.0.2.1'), 'short.test')
  clock.advance(1)
  t.equal(names.nameOf('c', '192.0.2.1'), undefined)
  clock.advance(24 * 3600 * 1000)
  t.equal(names.nameOf('c', '192.0.2.2'), undefined, 'no TTL is longer than a day')
})

t.test('bounded: the oldest goes', async (t) => {
  const names = createAnsweredNames({ clock: manualClock(), maxClients: 2, maxAddresses: 2 })
  names.remember('a', 'n.test', ['1.1.1.1', '2.2.2.2', '3.3.3.3'], 60)
  t.same(
    ['1.1.1.1', '2.2.2.2', '3.3.3.3'].map((address) => names.nameOf('a', address)),
    [undefined, 'n.test', 'n.test'],
  )
  names.remember('b', 'n.test', ['1.1.1.1'], 60)
  names.remember('a', 'n.test', ['4.4.4.4'], 60)
  names.remember('c', 'n.test', ['1.1.1.1'], 60)
  t.equal(names.nameOf('b', '1.1.1.1'), undefined, 'b had not asked for the longest time')
  t.equal(names.nameOf('a', '4.4.4.4'), 'n.test')
})
