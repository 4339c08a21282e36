import t from 'tap'
import type { ContainerDirectory, ContainerNetwork } from '../../../src/contracts/containers.ts'
import { capturedNetworks } from '../../../src/gateway/capture-plan.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

const network = (name: string, subnet: string, more: object = {}) =>
  ({
    id: name,
    name,
    driver: 'bridge',
    bridged: true,
    subnets: [subnet],
    gateways: [],
    ...more,
  }) as unknown as ContainerNetwork
const directoryOf = (...networks: ContainerNetwork[]) =>
  ({ view: () => ({ networks, containers: [] }) }) as unknown as ContainerDirectory

async function planned(capture: string, directory?: ContainerDirectory) {
  const { loaded, printed } = await loadText(
    `capture: { enabled: true, ${capture} }\nengine: { socket: unix:///run/docker.sock }`,
  )
  t.equal(printed, '')
  return capturedNetworks(loaded!.settings, directory)
}

t.test('a block that holds both the containers and what they go to takes nothing out of the policy', async (t) => {
  for (const block of ['0.0.0.0/0', '10.0.0.0/8']) {
    t.same(await planned(`networks: [], subnets: ${block}`), { interfaces: [], sources: [block], own: [] })
  }
})

t.test('between containers of the engine’s networks; a macvlan’s block is the LAN’s', async (t) => {
  const directory = directoryOf(
    network('bridge', '172.17.0.0/16', { bridge: 'docker0' }),
    network('far', '10.9.0.0/24', { driver: 'macvlan', bridged: false }),
  )
  t.same(await planned('subnets: 10.0.0.0/8', directory), {
    interfaces: ['docker0'],
    sources: ['10.0.0.0/8'],
    own: ['172.17.0.0/16'],
  })
})

t.test('a network that the engine has made internal is captured only where it is named', async (t) => {
  const directory = directoryOf(
    network('bridge', '172.17.0.0/16', { bridge: 'docker0' }),
    network('cut', '172.18.0.0/16', { bridge: 'cut0', internal: true }),
    network('podcut', '10.89.0.0/24', { internal: true }),
  )
  const own = ['10.89.0.0/24', '172.17.0.0/16', '172.18.0.0/16']
  t.same(await planned('networks: engine', directory), { interfaces: ['docker0'], sources: [], own })
  t.same(await planned('networks: [engine, cut]', directory), { interfaces: ['cut0', 'docker0'], sources: [], own })
  t.same(await planned('networks: podcut', directory), { interfaces: [], sources: ['10.89.0.0/24'], own })
})
