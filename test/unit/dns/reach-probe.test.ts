import t from 'tap'
import type { DnsServerAddress } from '../../../src/dns/exchange.ts'
import type { Reach } from '../../../src/dns/inhibition.ts'
import { ReachProbe } from '../../../src/dns/reach-probe.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

/** Everything that waits for nothing but promises has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

function probing(lastResort: readonly DnsServerAddress[] = []) {
  const clock = manualClock()
  const seen: Reach[] = []
  const asked: string[] = []
  const up = new Set(['192.0.2.1', '2001:db8::1'])
  const listeners = new Set<() => void>()
  const probe = new ReachProbe({
    clock,
    networkWatch: {
      onChange: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      close: () => {},
    },
    targets: () => ['192.0.2.1', '2001:db8::1'].map((address) => ({ address, port: 53 })),
    lastResort,
    reaches: async ({ address }) => {
      asked.push(address)
      return up.has(address)
    },
    changed: (reach) => seen.push(reach),
  })
  const changed = () => {
    for (const listener of listeners) listener()
  }
  return { clock, probe, seen, asked, up, changed, listeners }
}

t.test('one look that fails takes no family away, two in a row do, one that does not brings it back', async (t) => {
  const { clock, probe, up } = probing()
  await probe.ready
  t.same(probe.reach, { ipv4: true, ipv6: true })
  up.delete('2001:db8::1')
  clock.advance(3000)
  await settled()
  t.same(probe.reach, { ipv4: true, ipv6: true }, 'after one')
  up.add('2001:db8::1')
  clock.advance(1000)
  await settled()
  up.delete('2001:db8::1')
  clock.advance(3000)
  await settled()
  t.same(probe.reach, { ipv4: true, ipv6: true }, 'after one more, not in a row')
  clock.advance(1000)
  await settled()
  t.same(probe.reach, { ipv4: true, ipv6: false }, 'after two in a row')
  up.add('2001:db8::1')
  clock.advance(3000)
  await settled()
  t.same(probe.reach, { ipv4: true, ipv6: true })
  probe.close()
})

t.test('a change of the network is looked at at once', async (t) => {
  const { clock, probe, up, changed, asked } = probing()
  await probe.ready
  up.delete('192.0.2.1')
  const before = asked.length
  changed()
  await settled()
  t.equal(asked.length - before, 2, 'without any time passing')
  clock.advance(1000)
  await settled()
  t.same(probe.reach, { ipv4: false, ipv6: true })
  probe.close()
})

t.test('strangers are asked only where nothing nearer answers, and seldom', async (t) => {
  const { clock, probe, up, asked } = probing([{ address: '198.51.100.53', port: 53 }])
  await probe.ready
  t.notOk(asked.includes('198.51.100.53'))
  up.delete('192.0.2.1')
  up.add('198.51.100.53')
  for (let look = 0; look < 10; look++) {
    clock.advance(3000)
    await settled()
  }
  t.equal(asked.filter((address) => address === '198.51.100.53').length, 1)
  t.same(probe.reach, { ipv4: true, ipv6: true })
  probe.close()
})

t.test('closed, it looks no more', async (t) => {
  const { clock, probe, asked, listeners } = probing()
  await probe.ready
  probe.close()
  const before = asked.length
  clock.advance(60_000)
  await settled()
  t.equal(asked.length, before)
  t.equal(listeners.size, 0)
})
