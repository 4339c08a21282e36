import t from 'tap'
import type { DnsServerAddress } from '../../../src/dns/exchange.ts'
import type { Reach } from '../../../src/dns/inhibition.ts'
import { type Found, ReachProbe } from '../../../src/dns/reach-probe.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

/** Everything that waits for nothing but promises has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

function probing(lastResort: readonly DnsServerAddress[] = [], neighbours: readonly string[] = []) {
  const clock = manualClock()
  const seen: Reach[] = []
  const asked: string[] = []
  const up = new Set(['192.0.2.1', '2001:db8::1'])
  const silent = new Set<string>()
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
    targets: () =>
      ['192.0.2.1', '2001:db8::1', ...neighbours].map((address) => ({
        ...{ address, port: 53 },
        isNeighbour: neighbours.includes(address),
      })),
    lastResort,
    reaches: async ({ address }): Promise<Found> => {
      asked.push(address)
      return up.has(address) ? 'answered' : silent.has(address) ? 'silent' : 'unreachable'
    },
    changed: (reach) => seen.push(reach),
  })
  const changed = () => {
    for (const listener of listeners) listener()
  }
  return { clock, probe, seen, asked, up, silent, changed, listeners }
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

t.test('a neighbour that answers says nothing of what is beyond it, unless nobody there can be asked', async (t) => {
  const near = ['192.168.1.1', 'fd00::1']
  const strangers = ['198.51.100.53', '2001:db8:53::53']
  for (const [answer, reach] of [
    [[...near, strangers[0]], { ipv4: true, ipv6: false }],
    [[...near, strangers[1]], { ipv4: false, ipv6: true }],
    [[...near, ...strangers], { ipv4: true, ipv6: true }],
    [near, { ipv4: true, ipv6: true }],
    [[near[1]], { ipv4: false, ipv6: true }],
    [[near[1], strangers[0]], { ipv4: true, ipv6: false }],
    [[near[1], '192.0.2.1'], { ipv4: true, ipv6: true }],
    [[near[1], '192.0.2.1', strangers[0]], { ipv4: true, ipv6: false }],
    [[], { ipv4: false, ipv6: false }],
  ] as const) {
    const { clock, probe, up, asked } = probing(
      strangers.map((address) => ({ address, port: 53 })),
      near,
    )
    up.clear()
    for (const address of answer) up.add(address!)
    for (let look = 0; look < 3; look++) {
      await settled()
      clock.advance(3000)
    }
    await settled()
    t.same(probe.reach, reach, JSON.stringify(answer))
    for (const address of strangers) t.ok(asked.filter((one) => one === address).length <= 2, `${address}: seldom`)
    probe.close()
  }
})

t.test('a firewall that leaves out the strangers’ port for one family takes that family from nobody', async (t) => {
  const strangers = ['198.51.100.53', '2001:db8:53::53']
  for (const [near, reach] of [
    ['192.168.1.1', { ipv4: true, ipv6: true }],
    ['192.168.1.9', { ipv4: false, ipv6: true }],
  ] as const) {
    const { clock, probe, up, silent } = probing(
      strangers.map((address) => ({ address, port: 53 })),
      ['192.168.1.1'],
    )
    up.clear()
    up.add(near).add(strangers[1]!)
    silent.add(strangers[0]!)
    for (let look = 0; look < 3; look++) {
      await settled()
      clock.advance(3000)
    }
    await settled()
    t.same(probe.reach, reach)
    probe.close()
  }
})

t.test('with nobody else to ask, silence takes IPv6 away, but not IPv4', async (t) => {
  const strangers = ['198.51.100.53', '2001:db8:53::53']
  for (const [answers, isSilent, reach] of [
    [strangers[1]!, strangers[0]!, { ipv4: true, ipv6: true }],
    [strangers[0]!, strangers[1]!, { ipv4: true, ipv6: false }],
    [strangers[1]!, 'nobody', { ipv4: false, ipv6: true }],
  ] as const) {
    const clock = manualClock()
    const probe = new ReachProbe({
      clock,
      networkWatch: { onChange: () => () => {}, close: () => {} },
      targets: () => [],
      lastResort: strangers.map((address) => ({ address, port: 53 })),
      reaches: async ({ address }) =>
        address === answers ? 'answered' : address === isSilent ? 'silent' : 'unreachable',
    })
    await probe.ready
    t.same(probe.reach, reach)
    probe.close()
  }
})

t.test('targets that cannot be read change nothing, and are read again', async (t) => {
  const clock = manualClock()
  let isBroken = true
  const probe = new ReachProbe({
    clock,
    networkWatch: { onChange: () => () => {}, close: () => {} },
    targets: () => {
      if (isBroken) throw new Error('EMFILE')
      return [{ address: '192.0.2.1', port: 53 }]
    },
    reaches: async () => 'answered',
  })
  await probe.ready
  t.equal(probe.reach, undefined)
  isBroken = false
  clock.advance(1000)
  await settled()
  t.same(probe.reach, { ipv4: true, ipv6: false })
  isBroken = true
  clock.advance(10_000)
  await settled()
  t.same(probe.reach, { ipv4: true, ipv6: false })
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
