import t from 'tap'
import {
  type NetworkState,
  ownAddresses,
  readNetworkState,
  resolversIn,
  routesIPv4,
  routesIPv6,
} from '../../../src/gateway/network-state.ts'
import { createNetworkWatch } from '../../../src/gateway/network-watch.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'

const OFFICE: NetworkState = {
  addresses: ['192.0.2.5/24 eth0'],
  routes: ['default via 192.0.2.1 dev eth0 metric 0'],
  resolvers: ['resolver 192.0.2.53'],
}
const WITH_VPN: NetworkState = { ...OFFICE, addresses: [...OFFICE.addresses, '198.51.100.7/24 tun0'] }

/** A watch over states that the test sets, and what it told. */
function watched(first: NetworkState = OFFICE) {
  const clock = manualClock()
  const seen = { state: first, looks: 0, told: 0, isUnreadable: false, log: [] as string[] }
  const watch = createNetworkWatch({
    clock,
    read: () => {
      seen.looks++
      if (seen.isUnreadable) throw new Error('EMFILE')
      return seen.state
    },
    changed: (what) => seen.log.push(what),
  })
  watch.onChange(() => seen.told++)
  return { clock, seen, watch }
}

t.test('what cannot be read for a while is no change, and no end', async (t) => {
  const { clock, seen } = watched()
  seen.isUnreadable = true
  clock.advance(10_000)
  t.equal(seen.told, 0)
  t.equal(seen.looks, 6)
  seen.isUnreadable = false
  seen.state = WITH_VPN
  clock.advance(2_400)
  t.equal(seen.told, 1)
})

t.test('a change is told once, within two seconds and a little, with what it was', async (t) => {
  const { clock, seen } = watched()
  clock.advance(10_000)
  t.equal(seen.told, 0, 'nothing changed')
  t.equal(seen.looks, 6, 'a look every two seconds')
  clock.advance(1)
  seen.state = WITH_VPN
  clock.advance(2_200)
  t.equal(seen.told, 1)
  t.same(seen.log, ['+198.51.100.7/24 tun0'])
  clock.advance(10_000)
  t.equal(seen.told, 1, 'and not again')
})

t.test('a network that comes up in steps is told of once', async (t) => {
  const { clock, seen } = watched()
  clock.advance(1_999)
  for (const step of [
    { ...OFFICE, addresses: [] },
    { ...WITH_VPN, routes: [] },
    { ...WITH_VPN, routes: ['default via 198.51.100.1 dev tun0 metric 0'] },
  ]) {
    seen.state = step
    clock.advance(150)
  }
  clock.advance(1_000)
  t.equal(seen.told, 1)
  t.equal(seen.log.length, 1)
  t.match(seen.log[0], '+198.51.100.7/24 tun0, +default via 198.51.100.1 dev tun0 metric 0, -default via 192.0.2.1')
})

t.test('a network that never settles is told of at a bounded rate', async (t) => {
  const clock = manualClock()
  let n = 0
  let told = 0
  const read = () => ({ ...OFFICE, resolvers: [`resolver ${++n}`] })
  createNetworkWatch({ clock, read }).onChange(() => told++)
  clock.advance(30_000)
  t.ok(told >= 5 && told <= 15, `${told} in 30 s`)
})

t.test('one that has gone and come back between two looks of the settling is told of', async (t) => {
  const { clock, seen } = watched()
  seen.state = { addresses: [], routes: [], resolvers: [] }
  clock.advance(2_000)
  seen.state = OFFICE
  clock.advance(1_000)
  t.same([seen.told, seen.log], [1, ['it went and came back']])
})

t.test('listeners', async (t) => {
  const { clock, seen, watch } = watched()
  let mine = 0
  const end = watch.onChange(() => mine++)
  seen.state = WITH_VPN
  clock.advance(3_000)
  end()
  seen.state = OFFICE
  clock.advance(3_000)
  t.same([mine, seen.told], [1, 2], 'one that has left hears nothing more')
  watch.close()
  seen.state = WITH_VPN
  clock.advance(10_000)
  t.same([seen.told, clock.pending], [2, 0], 'closed: no timer is left')
})

t.test('many changes are shown in part, and another order of servers is one', async (t) => {
  const { clock, seen } = watched()
  seen.state = { ...OFFICE, addresses: Array.from({ length: 20 }, (_, i) => `192.0.2.${i}/24 eth0`) }
  clock.advance(3_000)
  t.match(seen.log[0], /, 13 more addresses$/)
  seen.state = { ...seen.state, resolvers: ['resolver a', 'resolver b'] }
  clock.advance(3_000)
  seen.state = { ...seen.state, resolvers: ['resolver b', 'resolver a'] }
  clock.advance(3_000)
  t.same(seen.log.slice(1), ['+resolver a, +resolver b, -resolver 192.0.2.53', 'resolvers in another order'])
})

t.test('the tables of the kernel', async (t) => {
  const table = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
tun0\t00000000\t0100640A\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t00000080\t0100640A\t0003\t0\t0\t0\t00000080\t0\t0\t0
eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
`
  t.same(routesIPv4(table), [
    '0.0.0.0/1 via 10.100.0.1 dev tun0 metric 0',
    '128.0.0.0/1 via 10.100.0.1 dev tun0 metric 0',
    'default via 192.0.2.1 dev eth0 metric 100',
  ])
  const none = '00000000000000000000000000000000'
  const six = [
    `fd000000000000000000000000000000 40 ${none} 00 ${none} 00000100 00000001 00000000 00000001     eth0`,
    `${none} 00 ${none} 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0`,
    `20000000000000000000000000000000 03 ${none} 00 ${none} 00000400 00000002 00000000 00000001     wg0`,
    `${none} 00 ${none} 00 ${none} ffffffff 00000001 00000000 00200200       lo`,
  ]
  t.same(routesIPv6(six.join('\n')), [
    'default via fd00::1 dev eth0 metric 1024',
    '2000::/3 via :: dev wg0 metric 1024',
  ])
  t.same([routesIPv4(''), routesIPv6('rubbish\n\0\n'), routesIPv4('a b c')], [[], [], []])
})

t.test('resolv.conf', async (t) => {
  t.same(resolversIn('# by hand\nnameserver   192.0.2.53\n\nsearch corp.example\n; old\nnameserver 192.0.2.54 \n'), [
    'resolver 192.0.2.53',
    'search corp.example',
    'resolver 192.0.2.54',
  ])
})

t.test('a container that starts is not another network', async (t) => {
  const one = { netmask: '', mac: '', internal: false, cidr: null, family: 'IPv4' as const }
  const state = ownAddresses({
    lo: [{ ...one, address: '127.0.0.1', internal: true }],
    eth0: [{ ...one, address: '192.0.2.5', cidr: '192.0.2.5/24' }],
    veth1: [{ ...one, family: 'IPv6', address: 'fe80::1', scopeid: 3 }],
  })
  t.same(state, ['192.0.2.5/24 eth0'])
})

t.test('this machine: two looks are the same, and cheap', async (t) => {
  t.same(readNetworkState(), readNetworkState())
  const before = process.cpuUsage()
  for (let i = 0; i < 200; i++) readNetworkState()
  const { user, system } = process.cpuUsage(before)
  t.ok((user + system) / 200 < 5_000, `${(user + system) / 200} µs of CPU a look`)
  t.same(readNetworkState('darwin').routes, [], 'elsewhere the addresses tell')
})
