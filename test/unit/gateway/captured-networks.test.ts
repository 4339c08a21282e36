import t from 'tap'
import type { ContainerDirectory, ContainerNetwork } from '../../../src/contracts/containers.ts'
import { CapturedNetworks } from '../../../src/gateway/captured-networks.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'

const FORMER = { interfaces: ['docker0', 'one0'], sources: ['10.9.0.0/24'], own: ['172.17.0.0/16'] }
const BRIDGE = {
  id: '1',
  name: 'bridge',
  driver: 'bridge',
  bridged: true,
  internal: false,
  bridge: 'docker0',
  subnets: ['172.17.0.0/16'],
  gateways: [],
} satisfies ContainerNetwork

async function capturing(capture: string, socket = 'unix:///run/docker.sock') {
  const text = `capture: { enabled: true, ${capture} }\nengine: { socket: ${socket} }`
  const { loaded, printed } = await loadText(text)
  t.equal(printed, '')
  const engine = { isAwaited: true, isMissing: false, networks: [] as ContainerNetwork[], here: ['lo'] }
  const warnings: string[] = []
  const networks = new CapturedNetworks({
    directory: { view: () => ({ networks: engine.networks, containers: [] }) } as unknown as ContainerDirectory,
    awaitsEngine: () => engine.isAwaited,
    lacksEngine: () => engine.isMissing,
    warn: (message) => warnings.push(message),
    interfaceNames: () => new Set(engine.here),
  })
  return { settings: loaded!.settings, engine, networks, warnings }
}

t.test('what the rules of before took from is taken until the engine has answered', async (t) => {
  const { settings, engine, networks, warnings } = await capturing('networks: engine, interfaces: [lab0]')
  networks.takeOver(FORMER)
  t.same(networks.of(settings), {
    interfaces: ['docker0', 'lab0', 'one0'],
    sources: ['10.9.0.0/24'],
    own: ['172.17.0.0/16'],
  })
  networks.tell(settings)
  t.match(warnings.splice(0), [/^capture: the Docker engine has not answered.*: docker0, lab0, one0, 10\.9\.0\.0\/24$/])
  Object.assign(engine, { isAwaited: false, networks: [BRIDGE] })
  t.same(networks.of(settings), { interfaces: ['docker0', 'lab0'], sources: [], own: ['172.17.0.0/16'] })
  networks.tell(settings)
  t.same(warnings, [])
})

t.test('who wants none of the engine’s networks has nothing of before', async (t) => {
  const { settings, networks, warnings } = await capturing('networks: [], interfaces: [lab0]')
  networks.takeOver(FORMER)
  t.same(networks.of(settings), { interfaces: ['lab0'], sources: [], own: [] })
  networks.tell(settings)
  t.same(warnings, [])
})

t.test('nothing is captured: said, and why', async (t) => {
  const { settings, engine, networks, warnings } = await capturing('networks: engine')
  networks.tell(settings)
  t.match(warnings.splice(0), [/nothing is captured yet: .* it has not answered.*go out past the policy/])
  engine.isAwaited = false
  networks.tell(settings)
  t.same(warnings, [], 'an engine without networks will have some')
})

t.test('an engine that nobody asked for is not missed where the settings name what is captured', async (t) => {
  const { settings, networks, warnings } = await capturing('networks: engine, subnets: 10.0.0.0/8', 'auto')
  networks.tell(settings)
  t.same(warnings, [])
  const asked = await capturing('networks: engine, subnets: 10.0.0.0/8')
  asked.networks.tell(asked.settings)
  t.match(asked.warnings, [/only these are captured.*: 10\.0\.0\.0\/8$/])
})

t.test(
  'where there is no engine, and nobody asked for one, the settings’ own networks of before are not taken for its',
  async (t) => {
    const { settings, engine, networks, warnings } = await capturing('networks: engine, interfaces: [lab0]', 'auto')
    engine.isMissing = true
    networks.takeOver(FORMER)
    const own = { interfaces: ['lab0'], sources: [], own: [] }
    t.same(networks.of(settings), own)
    networks.tell(settings)
    t.same(warnings, [])
    engine.isMissing = false
    t.same(networks.of(settings), own, 'nor when it comes, and has not answered yet')
    for (const [capture, socket] of [
      ['networks: engine, interfaces: [lab0]', 'unix:///run/docker.sock'],
      ['networks: engine', 'auto'],
    ] as const) {
      const wanting = await capturing(capture, socket)
      wanting.engine.isMissing = true
      wanting.networks.takeOver(FORMER)
      t.match(wanting.networks.of(wanting.settings).interfaces, FORMER.interfaces.slice(0, 1), `${capture} ${socket}`)
    }
  },
)

t.test('what was taken from before an engine has answered is forgotten with settings that await none', async (t) => {
  const { settings, engine, networks } = await capturing('networks: engine, interfaces: [lab0]')
  networks.takeOver(FORMER)
  engine.isAwaited = false
  networks.tell(settings)
  engine.isAwaited = true
  t.same(networks.of(settings), { interfaces: ['lab0'], sources: [], own: [] })
})

t.test('networks whose bridges are no interfaces of this machine: said of each once, until it is here', async (t) => {
  const { settings, engine, networks, warnings } = await capturing('networks: [engine, lan], interfaces: [lab0]')
  engine.networks = [
    BRIDGE,
    { ...BRIDGE, id: '2', name: 'app', bridge: 'br-app' },
    { ...BRIDGE, id: '3', name: 'pod', bridge: undefined } as unknown as ContainerNetwork,
    { ...BRIDGE, id: '4', name: 'lan', driver: 'macvlan', bridged: false, bridge: undefined } as never,
  ]
  engine.here = ['lo', 'br-app']
  for (const _ of ['once', 'and again']) networks.tellAbsent(settings)
  t.match(warnings.splice(0), [/^capture: .* is not captured, and goes out past the policy.*: bridge \(docker0\)$/])
  t.same(networks.absent(networks.of(settings).interfaces), ['docker0', 'lab0'])
  engine.here = ['lo']
  networks.tellAbsent(settings)
  t.match(warnings.splice(0), [/: app \(br-app\)$/])
  engine.here = ['lo', 'docker0', 'br-app']
  networks.tellAbsent(settings)
  engine.here = []
  networks.tellAbsent(settings)
  t.match(warnings.splice(0), [/: bridge \(docker0\), app \(br-app\)$/], 'gone again')
})

t.test('where nobody can tell which interfaces there are, nothing is said', async (t) => {
  const warnings: string[] = []
  const { settings } = await capturing('networks: engine')
  const networks = new CapturedNetworks({
    directory: { view: () => ({ networks: [BRIDGE], containers: [] }) } as unknown as ContainerDirectory,
    awaitsEngine: () => false,
    lacksEngine: () => false,
    warn: (message) => warnings.push(message),
    interfaceNames: () => undefined,
  })
  networks.tellAbsent(settings)
  t.same(networks.absent(['docker0']), [])
  t.same(warnings, [])
})
