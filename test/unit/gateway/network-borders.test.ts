import t from 'tap'
import type { Container, ContainerNetwork } from '../../../src/contracts/containers.ts'
import { networkBorders } from '../../../src/gateway/network-borders.ts'

const network = (name: string, subnets: string[], gateways: string[], bridged = true): ContainerNetwork => ({
  ...{ id: `id-${name}`, name, driver: bridged ? 'bridge' : 'macvlan', bridged, internal: false, subnets, gateways },
})
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
  const borders = networkBorders({ view: () => ({ networks, containers: [] }) }, () => ['172.19.0.7'])
  const rows: [to: string, from: string | undefined, is: Container | undefined, network: string | undefined][] = [
    ['172.19.0.2', '172.18.0.2', container('one'), 'two'],
    ['fd00:19::2', '172.18.0.2', container('one'), 'two'],
    ['172.18.0.3', '172.18.0.2', container('one'), undefined],
    ['172.19.0.2', '172.18.0.2', container('one', 'two'), undefined],
    // By one of its addresses, or of nobody that is known: a step of a build.
    ['172.19.0.2', 'fd00:18::9', undefined, 'two'],
    ['fd00:18::2', 'fd00:18::9', undefined, undefined],
    // The host’s own addresses anybody reaches, and it reaches everybody.
    ['172.19.0.1', '172.18.0.2', container('one'), undefined],
    ['172.19.0.7', '172.18.0.2', container('one'), undefined],
    ['172.19.0.2', '172.18.0.1', undefined, undefined],
    ['172.19.0.2', '172.19.0.7', undefined, undefined],
    ['172.19.0.2', '192.168.1.9', undefined, undefined],
    ['172.19.0.2', '127.0.0.1', undefined, undefined],
    ['172.19.0.2', undefined, undefined, undefined],
    // The block of a macvlan is the LAN’s.
    ['192.168.1.9', '172.18.0.2', container('one'), undefined],
    ['203.0.113.1', '172.18.0.2', container('one'), undefined],
  ]
  for (const [to, address, is, expected] of rows) {
    const client = { local: false, ...(address ? { address } : {}), ...(is ? { container: is } : {}) }
    t.equal(borders(to, client), expected, `${to} from ${address}, ${JSON.stringify(is?.endpoints)}`)
  }
})

t.test('as the engine has them now, and without the host’s addresses where these cannot be read', async (t) => {
  let view = { networks: [network('one', ['172.18.0.0/16'], [])], containers: [] }
  const borders = networkBorders({ view: () => view }, () => {
    throw new Error('EMFILE')
  })
  const client = { local: false, address: '172.18.0.2' }
  t.equal(borders('172.19.0.2', client), undefined)
  view = { networks: [...view.networks, network('two', ['172.19.0.0/16'], [])], containers: [] }
  t.equal(borders('172.19.0.2', client), 'two')
})
