import t from 'tap'
import type { Container, ContainerNetwork } from '../../../src/contracts/containers.ts'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { createOwnNetworks, withOwnNetworks } from '../../../src/gateway/own-networks.ts'
import { createSpecialAddresses } from '../../../src/router/special-addresses.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

const network = (name: string, block: string, bridged = true): ContainerNetwork => ({
  ...{ id: `id-${name}`, name, driver: 'bridge', bridged, internal: false, subnets: [`${block}.0.0/16`], gateways: [] },
})
const container = (name: string, at: Readonly<Record<string, string>>, more: Partial<Container> = {}): Container => ({
  ...{ id: name, name, image: 'x', labels: {} },
  endpoints: Object.entries(at).map(([in_, address]) => ({
    ...{ network: in_, networkId: `id-${in_}`, addresses: [address], aliases: ['Both', `${name}-alias`] },
  })),
  ...more,
})
const app = container('app', { one: '172.18.0.2', far: '172.21.0.2', lan: '192.168.0.2' })
const view = {
  networks: [
    { ...network('one', '172.18'), gateways: ['172.18.0.1'] },
    network('two', '172.19'),
    network('far', '172.21'),
    network('lan', '192.168', false),
  ],
  containers: [
    app,
    container('api', { one: '172.18.0.3', two: '172.19.0.3' }, { project: 'Shop', service: 'api' }),
    container('db', { two: '172.19.0.4' }),
    container('distant', { far: '172.21.0.5' }),
    container('cast', { lan: '192.168.0.6' }),
  ],
}
const no = () => false
const own = ['172.18.0.1', '172.19.0.1', '192.168.0.1'].map((address) => ({ device: 'br', address, bits: 16 }))
const networks = createOwnNetworks({ view: () => view }, no, () => own)
const ask = (host: string, more: Partial<RouteQuery> = {}): RouteQuery => ({
  target: targetFromHost(host, 8080),
  scheme: 'http',
  scope: 'containers',
  client: { address: '172.18.0.2', local: false, container: app },
  ...more,
})

t.test('what a container shares a network with, by name and by address', async (t) => {
  for (const [host, addresses] of [
    ['api', ['172.18.0.3']],
    ['api.shop', ['172.18.0.3']],
    ['api-alias', ['172.18.0.3']],
    ['api.one', ['172.18.0.3']],
    ['both.one', ['172.18.0.2', '172.18.0.3']],
    ['both', ['172.18.0.2', '172.18.0.3']],
    ['172.18.0.3', ['172.18.0.3']],
    ['172.18.0.2', ['172.18.0.2']],
  ] as const) {
    t.match(
      createOwnNetworks({ view: () => view }, no, () => own).decide(ask(host)),
      {
        decision: 'direct',
        candidates: [{ hops: [], addresses }],
        because: { source: 'own-network', detail: 'in one,' },
      },
      host,
    )
  }
})

t.test('nothing else', async (t) => {
  const stranger = { address: '172.18.0.9', local: false }
  const dialled = targetFromHost('172.18.0.3', 8080)
  for (const [title, query] of [
    ['in another network', ask('db')],
    ['by its name there', ask('api.two')],
    ['the host in another network', ask('172.19.0.1')],
    ['and not behind a bridge', ask('192.168.0.1')],
    ['and by address', ask('172.19.0.4')],
    ['an address of it in a network that they do not share', ask('172.19.0.3')],
    ['where this machine is not', ask('distant')],
    ['not behind a bridge', ask('cast')],
    ['nobody’s name', ask('api.corp.test')],
    ['nobody’s address', ask('172.18.0.77')],
    ['no container that is known', ask('api', { client: stranger })],
    ['at a door of the host', ask('api', { scope: 'host' })],
    ['captured', ask('api', { captured: { dialled } })],
  ] as const) {
    t.equal(networks.decide(query), undefined, title)
  }
})

t.test('who asks matters where it may be such a question', async (t) => {
  const stranger = { address: '172.18.0.9', local: false }
  for (const [host, concerns] of [
    ['api', true],
    ['db', true],
    ['172.19.0.4', true],
    ['172.18.0.1', true],
    ['api.corp.test', false],
    ['172.18.0.77', false],
  ] as const)
    t.equal(networks.concerns(ask(host, { client: stranger })), concerns, host)
  t.notOk(networks.concerns(ask('api', { scope: 'host' })))
})

t.test('not where the engine keeps a network’s containers from each other', async (t) => {
  const parted = { ...view, networks: view.networks.map((one) => ({ ...one, parted: true as const })) }
  const apart = createOwnNetworks({ view: () => parted }, no, () => own)
  t.equal(apart.decide(ask('api')), undefined)
  t.equal(apart.decide(ask('172.18.0.3')), undefined)
  t.match(apart.decide(ask('172.18.0.1')), { decision: 'direct' }, 'the host reaches them, and they it')
})

t.test('replicas have their turns, and rules that speak of addresses hold for all of them', async (t) => {
  const replicas = createOwnNetworks({ view: () => view }, no, () => own)
  const firsts = Array.from({ length: 4 }, () => replicas.decide(ask('both'))?.candidates[0]?.addresses?.[0])
  t.strictSame(firsts, ['172.18.0.2', '172.18.0.3', '172.18.0.2', '172.18.0.3'])
  const mixed = ['both', 'both.one', 'both', 'both.one'].map(
    (host) => replicas.decide(ask(host))?.candidates[0]?.addresses?.[0],
  )
  t.strictSame(mixed, ['172.18.0.2', '172.18.0.2', '172.18.0.3', '172.18.0.3'], 'each name by itself')
  const options = { host: [], gateway: [], hostPorts: [], byAddress: false }
  const both = withOwnNetworks(createSpecialAddresses(options), replicas)
  t.match(both.hostTargets(ask('both')), [
    { host: '172.18.0.2', port: 8080 },
    { host: '172.18.0.3', port: 8080 },
  ])
  t.equal(both.hostTargets(ask('172.18.0.3')), undefined, 'it stands there already')
  t.equal(both.hostTargets(ask('elsewhere.test')), undefined)
})

t.test('a neighbour that has ended is no business of an upstream', async (t) => {
  const stopped = [
    { name: 'old' },
    { name: 'run', project: 'shop' },
    { name: 'shop_db_1', project: 'shop', service: 'db2' },
    { name: 'shut.example.com' },
  ]
  const ended = createOwnNetworks({ view: () => ({ ...view, stopped }) }, no, () => own)
  const of = { ...app, project: 'shop' }
  const decided = (host: string, container = of) =>
    ended.decide(ask(host, { client: { address: '172.18.0.2', local: false, container } }))
  t.match(decided('run'), { decision: 'reject', because: { source: 'own-network', detail: 'run is not running' } })
  t.equal(decided('old'), undefined, 'of no project of its own: it may be the name of a real host')
  t.match(decided('db2'), { because: { detail: 'shop_db_1 is not running' } })
  t.equal(decided('db2', app as typeof of), undefined, 'another project’s service')
  t.equal(decided('shut.example.com'), undefined, 'it may be a name of DNS')
  t.match(decided('api'), { decision: 'direct' })
})

t.test('Docker’s default bridge has no names, unless our own DNS has some there', async (t) => {
  const nameless = { ...view, networks: view.networks.map((one) => ({ ...one, nameless: true as const })) }
  for (const everywhere of [false, true]) {
    const bridge = createOwnNetworks(
      { view: () => nameless },
      () => everywhere,
      () => own,
    )
    t.equal(bridge.decide(ask('api'))?.decision, everywhere ? 'direct' : undefined)
    t.match(bridge.decide(ask('172.18.0.3')), { decision: 'direct' }, 'addresses are addresses')
  }
})

t.test('what may be the name of somebody who has just started', async (t) => {
  for (const [host, may] of [
    ['new', true],
    ['new.one', true],
    ['api', false],
    ['new.two', false],
    ['www.corp.test', false],
    ['172.18.0.77', false],
  ] as const)
    t.equal(networks.mayConcern(ask(host)), may, host)
  t.notOk(networks.mayConcern(ask('new', { scope: 'host' })))
  t.notOk(
    networks.mayConcern(ask('new', { client: { address: '172.18.0.9', local: false } })),
    'who asks is waited for',
  )
})

t.test('this machine’s addresses are read once a second, and kept where they cannot be read', async (t) => {
  let [now, reads] = [0, 0]
  const readOwn = () => {
    if (++reads === 2) throw new Error('too many open files')
    return own
  }
  const counted = createOwnNetworks({ view: () => view }, no, readOwn, () => now)
  for (let i = 0; i < 10; i++) t.ok(counted.decide(ask('api')))
  t.equal(reads, 1)
  now = 1_000
  t.ok(counted.decide(ask('api')), 'as they were')
  t.equal(reads, 2)
})

t.test('the host and the gateway come first', async (t) => {
  const options = { host: [], gateway: [], hostPorts: [{ from: 1, to: 65535 }], byAddress: false }
  const both = withOwnNetworks(createSpecialAddresses(options), networks)
  t.strictSame(both.dialled(ask('host.docker.internal')), ['127.0.0.1', '::1'])
  t.match(both.decide(ask('api')), { because: { source: 'own-network' } })
  t.match(both.decide(ask('gateway.docker.internal')), { decision: 'reject' })
  t.equal(both.decide(ask('elsewhere.test')), undefined)
})

t.test('the host by its address in one of them is the host', async (t) => {
  const options = { host: ['192.168.65.254'], gateway: [], hostPorts: [{ from: 8080, to: 8080 }], byAddress: false }
  const both = withOwnNetworks(createSpecialAddresses(options), networks)
  const at = (port: number) => ({ ...ask('172.18.0.1'), target: targetFromHost('172.18.0.1', port) })
  t.match(both.decide(at(8080)), {
    decision: 'direct',
    candidates: [{ addresses: ['172.18.0.1'] }],
    because: { source: 'own-network', detail: /host.*in one/ },
  })
  t.equal(both.dialled(at(8080)), undefined, 'not at loopback')
  t.match(both.decide(at(8081)), { decision: 'reject', because: { detail: /hostPorts/ } })
  t.strictSame(
    both.hostTargets(at(8080))?.map(({ host }) => host),
    ['host.docker.internal', 'host.fairlead.internal', '192.168.65.254'],
    'for rules that say where to',
  )
  const stranger = { ...at(8080), client: { address: '172.18.0.9', local: false } }
  t.equal(both.decide(stranger), undefined)
})
