import t from 'tap'
import type { Container, ContainerDirectory, ContainerNetwork } from '../../../src/contracts/containers.ts'
import { lookAround, type OwnAddress } from '../../../src/services/reverse/reach.ts'

const network = (name: string, more: Partial<ContainerNetwork>): ContainerNetwork => ({
  ...{ id: name, name, driver: 'bridge', bridged: true, internal: false, gateways: [] },
  ...{ subnets: ['172.20.0.0/16', 'fd00:20::/64'], ...more },
})

const named = network('shop', { bridge: 'br-0123456789ab', gateways: ['172.20.0.1', 'fd00:20::1'] })
const nameless = network('shop', { gateways: ['172.20.0.1', 'fd00:20::1'] })

t.test('beside an engine: where this machine has an address in the network', async (t) => {
  const at = (name: string, ...addresses: string[]) => addresses.map((address) => ({ device: name, address }))
  const lan = at('eth0', '192.168.1.7', '2001:db8::7')
  const table: [string, ContainerNetwork, readonly OwnAddress[], reached: string][] = [
    ['both families', named, at('br-0123456789ab', '172.20.0.1', 'fd00:20::1'), 'v4 v6'],
    ['not the gateway’s', named, at('br-0123456789ab', '172.20.0.9'), 'v4'],
    ['inhibit_ipv4, or isolated', named, at('br-0123456789ab', 'fd00:20::1', 'fe80::1'), 'v6'],
    ['only what each bridge has', named, at('br-0123456789ab', '10.0.0.1', 'fe80::1'), ''],
    ['in a VM, or another’s', named, lan, ''],
    ['in a VM, and a LAN with the same block', named, at('eth0', '172.20.0.7', 'fd00:20::7'), ''],
    ['in a VM, and an engine here with the same block', named, at('br-ba9876543210', '172.20.0.1'), ''],
    ['no name told (Podman): by the address that the engine gave it', nameless, at('podman1', '172.20.0.1'), 'v4'],
    ['of both families', nameless, at('podman1', '172.20.0.1', 'fd00:20::1'), 'v4 v6'],
    ['no name told, in a VM', nameless, lan, ''],
    ['no name told, and a LAN with the same block', nameless, at('eth0', '172.20.0.7'), ''],
    ['no blocks told', { ...named, subnets: [] }, at('br-0123456789ab', '172.20.0.1'), ''],
    ['macvlan', { ...nameless, driver: 'macvlan', bridged: false }, at('eth0', '172.20.0.1', 'fd00:20::1'), ''],
  ]
  for (const [what, known, own, reached] of table) {
    const obstacle = lookAround({ directory: directory([known]), ownAddresses: () => [...lan, ...own] })
    const endpoint = { network: 'shop', networkId: 'shop', addresses: [], aliases: [] }
    const found = [
      ['v4', '172.20.0.2'],
      ['v6', 'fd00:20::2'],
    ].filter(([, address]) => !obstacle('web', endpoint, address))
    t.equal(found.map(([family]) => family).join(' '), reached, what)
  }
})

t.test('beside an engine, in a network that it has not told of: nobody knows where its addresses lead', async (t) => {
  const own = [{ device: 'br-0123456789ab', address: '172.20.0.1' }]
  const obstacle = lookAround({ directory: directory([]), ownAddresses: () => own })
  const endpoint = { network: 'shop', networkId: 'shop', addresses: ['172.20.0.2'], aliases: [] }
  t.match(obstacle('web', endpoint, '172.20.0.2'), { code: 'NETWORK_UNREACHABLE', message: /has told nothing/ })
})

t.test('as a container: the networks that it is attached to, whoever has an address there', async (t) => {
  const endpoint = (name: string, address: string) => ({
    ...{ network: name, networkId: name, addresses: [address], aliases: [] },
  })
  const self = { name: 'door', endpoints: [endpoint('shop', '172.20.0.5')] } as unknown as Container
  const elsewhere = network('blog', { subnets: ['172.21.0.0/16'] })
  const obstacle = lookAround({
    directory: directory([named, elsewhere], self),
    ownAddresses: () => [{ device: 'eth0', address: '172.20.0.5' }],
  })
  t.equal(obstacle('web', endpoint('shop', '172.20.0.2'), '172.20.0.2'), undefined)
  t.match(obstacle('web', endpoint('blog', '172.21.0.2'), '172.21.0.2'), {
    code: 'NETWORK_UNREACHABLE',
    hint: 'Attach it: docker network connect blog door',
  })
})

function directory(networks: readonly ContainerNetwork[], self?: Container): ContainerDirectory {
  return {
    connected: true,
    view: () => ({ networks, containers: self ? [self] : [] }),
    byAddress: (address: string) =>
      self?.endpoints.some(({ addresses }) => addresses.includes(address)) ? self : undefined,
    onChange: () => () => {},
    close: () => {},
  }
}
