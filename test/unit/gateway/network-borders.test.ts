import t from 'tap'
import type { Container, ContainerNetwork } from '../../../src/contracts/containers.ts'
import { leadsBeyond, networkBorders } from '../../../src/gateway/network-borders.ts'

const network = (name: string, subnets: string[], gateways: string[], bridged = true): ContainerNetwork => ({
  ...{ id: `id-${name}`, name, driver: bridged ? 'bridge' : 'macvlan', bridged, internal: false, subnets, gateways },
})
const own = (...addresses: string[]) => addresses.map((address) => ({ device: 'eth0', address, bits: 16 }))
const container = (...networks: string[]) =>
  ({
    id: 'c',
    endpoints: networks.map((name) => ({ network: name, networkId: `id-${name}`, addresses: [], aliases: [] })),
  }) as unknown as Container

t.test('which of the engine’s networks a container is asking its way into', async (t) => {
  const networks = [
    network('one', ['172.18.0.0/16', 'fd00:18::/64'], ['172.18.0.1', 'fd00:18::1']),
    network('two', ['172.19.0.0/16', 'fd00:19::/64'], ['172.19.0.1', 'fd00:19::1']),
    network('lan', ['192.168.1.0/24'], ['192.168.1.1'], false),
  ]
  const borders = networkBorders({ view: () => ({ networks, containers: [] }) }, () => own('172.19.0.7', '192.168.1.5'))
  const rows: [to: string, from: string | undefined, is: Container | undefined, network: string | undefined][] = [
    ['172.19.0.2', '172.18.0.2', container('one'), 'two'],
    ['fd00:19::2', '172.18.0.2', container('one'), 'two'],
    ['172.18.0.3', '172.18.0.2', container('one'), undefined],
    ['172.19.0.2', '172.18.0.2', container('one', 'two'), undefined],
    // By one of its addresses, or of nobody that is known: a step of a build.
    ['172.19.0.2', 'fd00:18::9', undefined, 'two'],
    ['fd00:18::2', 'fd00:18::9', undefined, undefined],
    // Another machine, and whoever comes under the address of a bridge that is not this machine’s.
    ['172.19.0.2', '192.168.1.9', undefined, 'two'],
    ['172.19.0.2', '172.18.0.1', undefined, 'two'],
    ['172.18.0.2', '172.18.0.1', undefined, undefined],
    // Not in a network that this machine is not in: of an engine elsewhere.
    ['172.18.0.2', '192.168.1.9', undefined, undefined],
    // The host’s own addresses anybody reaches, and it reaches everybody.
    ['172.19.0.1', '172.18.0.2', container('one'), undefined],
    ['172.19.0.7', '172.18.0.2', container('one'), undefined],
    ['172.19.0.2', '172.19.0.7', undefined, undefined],
    ['172.19.0.2', '192.168.1.5', undefined, undefined],
    ['172.19.0.2', undefined, undefined, undefined],
    // The block of a macvlan is the LAN’s.
    ['192.168.1.9', '172.18.0.2', container('one'), undefined],
    ['203.0.113.1', '172.18.0.2', container('one'), undefined],
  ]
  for (const [to, address, is, expected] of rows) {
    const client = { local: false, ...(address ? { address } : {}), ...(is ? { container: is } : {}) }
    t.equal(borders(to, client)?.name, expected, `${to} from ${address}, ${JSON.stringify(is?.endpoints)}`)
  }
})

t.test('whoever it is that has the address: containers that share it, and one who is known only since', async (t) => {
  const networks = ['one', 'two', 'three'].map((name, at) => network(name, [`172.${18 + at}.0.0/16`], []))
  let all: Container[] = []
  const directory = {
    view: () => ({ networks, containers: [] }),
    allAt: (at: string) => (at === '172.18.0.2' ? all : []),
  }
  const borders = networkBorders(directory, () => [])
  const client = { local: false, address: '172.18.0.2' }
  const to = () => ['172.19.0.2', '172.20.0.2'].map((address) => borders(address, client)?.name)
  t.same(to(), ['two', 'three'])
  all = [container('one', 'two')]
  t.same(to(), [undefined, 'three'])
  all = [container('one', 'two'), container('one', 'two')]
  t.same(to(), [undefined, 'three'], 'a pod')
  all = [container('one', 'two'), container('one', 'three')]
  t.same(to(), ['two', 'three'], 'in some network all of them')
  all = [container('one', 'two', 'three')]
  const borderer = { ...client, container: container('one') }
  t.equal(borders('172.19.0.2', borderer)?.name, 'two', 'who was known stays who it was')
})

t.test('whether a query leads into a network where its client is not known to be', async (t) => {
  const networks = [network('one', ['172.18.0.0/16'], []), network('two', ['172.19.0.0/16'], [])]
  const borders = networkBorders({ view: () => ({ networks, containers: [] }) }, () => [])
  const query = (host: string, family: 0 | 4, dialled?: string) => ({
    ...{ target: { host, family, port: 80 }, scheme: 'http' as const, scope: 'containers' as const },
    client: { local: false, address: '172.18.0.2' },
    ...(dialled === undefined ? {} : { captured: { dialled: { host: dialled, family: 4 as const, port: 80 } } }),
  })
  t.equal(leadsBeyond(query('172.19.0.2', 4), borders), true)
  t.equal(leadsBeyond(query('172.18.0.3', 4), borders), false)
  t.equal(leadsBeyond(query('a.test', 0), borders), false)
  t.equal(leadsBeyond(query('a.test', 0, '172.19.0.2'), borders), true)
})

t.test('as the engine has them now, and without the host’s addresses where these cannot be read', async (t) => {
  let view = { networks: [network('one', ['172.18.0.0/16'], [])], containers: [] }
  const borders = networkBorders({ view: () => view }, () => {
    throw new Error('EMFILE')
  })
  const client = { local: false, address: '172.18.0.2' }
  t.equal(borders('172.19.0.2', client), undefined)
  view = { networks: [...view.networks, network('two', ['172.19.0.0/16'], [])], containers: [] }
  t.equal(borders('172.19.0.2', client)?.name, 'two')
})

t.test('before the engine has been heard: what lies behind this machine’s own bridges of Docker', async (t) => {
  const bridges = [
    { device: 'docker0', address: '172.17.0.1', bits: 16 },
    { device: 'br-0123456789ab', address: '172.18.0.1', bits: 16 },
    { device: 'br0', address: '192.168.1.5', bits: 24 },
  ]
  let now = 0
  const view = { networks: [], containers: [] }
  const borders = networkBorders(
    { view: () => view },
    () => bridges,
    () => now,
  )
  const from = (address: string) => (to: string) => borders(to, { local: false, address })?.name
  t.equal(from('172.17.0.2')('172.18.0.2'), 'br-0123456789ab')
  t.equal(from('192.168.1.9')('172.17.0.2'), 'docker0')
  for (const to of ['172.17.0.3', '172.18.0.1', '192.168.1.9', '203.0.113.1'])
    t.equal(from('172.17.0.2')(to), undefined, to)
  t.equal(from('172.17.0.1')('172.18.0.2'), undefined, 'this machine')
  t.equal(from('10.0.0.1')('192.168.1.9'), undefined, 'a bridge that is not Docker’s')
  bridges.push({ device: 'br-ba9876543210', address: '172.19.0.1', bits: 16 })
  now = 1_000
  t.equal(from('172.17.0.2')('172.19.0.2'), 'br-ba9876543210', 'a new one')
})

t.test('a network that keeps its containers from each other', async (t) => {
  const networks = [{ ...network('apart', ['172.18.0.0/16'], ['172.18.0.1']), parted: true as const }]
  const borders = networkBorders({ view: () => ({ networks, containers: [] }) }, () => own('172.18.0.1', '192.168.1.5'))
  const client = {
    ...{ local: false, address: '172.18.0.2' },
    container: {
      ...container('apart'),
      endpoints: [{ network: 'apart', networkId: 'id-apart', addresses: ['172.18.0.2', '172.18.0.9'], aliases: [] }],
    },
  }
  t.strictSame(borders('172.18.0.3', client), { name: 'apart', parted: true })
  t.strictSame(borders('172.18.0.3', { local: false, address: '172.18.0.7' }), { name: 'apart', parted: true })
  for (const [to, why] of [
    ['172.18.0.2', 'itself'],
    ['172.18.0.9', 'by another address'],
    ['172.18.0.1', 'the host'],
    ['203.0.113.1', 'elsewhere'],
  ] as const)
    t.equal(borders(to, client), undefined, why)
  t.equal(borders('172.18.0.3', { local: false, address: '192.168.1.5' }), undefined, 'the host reaches everybody')
})
