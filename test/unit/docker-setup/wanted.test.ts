import t from 'tap'
import { readsProxiesFromFile } from '../../../src/docker-setup/engine-version.ts'
import { type DoorChoice, wantedSettings } from '../../../src/docker-setup/wanted.ts'

const door = (host: string, port = 3129, more: Partial<DoorChoice> = {}): DoorChoice => ({
  address: { kind: 'tcp', host, port },
  scheme: 'http',
  needsUser: false,
  ...more,
})
const socket: DoorChoice = { address: { kind: 'unix', path: '/x', mode: 0o600 }, scheme: 'http', needsUser: false }
const NO_BRIDGE =
  'the door is on all addresses, and containers reach it at that of docker0, of which this machine has none'

t.test('which door the engine and its containers are told of', (t) => {
  const rows: readonly (readonly [doors: DoorChoice[], bridge: string | undefined, engine: string, client: string])[] =
    [
      [[], undefined, 'no door of the settings has scope: containers', 'no door of the settings has scope: containers'],
      [[door('127.0.0.1')], '172.17.0.1', 'http://127.0.0.1:3129', 'containers cannot reach a door on loopback'],
      [[door('0.0.0.0')], '172.17.0.1', 'http://127.0.0.1:3129', 'http://172.17.0.1:3129'],
      [[door('0.0.0.0')], undefined, 'http://127.0.0.1:3129', NO_BRIDGE],
      [[door('127.0.0.1'), door('::', 3130)], undefined, 'http://127.0.0.1:3129', NO_BRIDGE],
      [[door('::')], '172.17.0.1', 'http://[::1]:3129', 'http://172.17.0.1:3129'],
      [[door('172.17.0.1')], '172.17.0.1', 'http://172.17.0.1:3129', 'http://172.17.0.1:3129'],
      [[door('127.0.0.1', 1), door('fd00::1', 2)], undefined, 'http://127.0.0.1:1', 'http://[fd00::1]:2'],
      [[door('10.0.0.1', 1, { scheme: 'https' })], undefined, 'https://10.0.0.1:1', 'https://10.0.0.1:1'],
      [[socket, door('10.0.0.1', 7)], undefined, 'http://10.0.0.1:7', 'http://10.0.0.1:7'],
      [
        [socket, door('127.0.0.1', 0)],
        undefined,
        'no door with scope: containers has a TCP address with a port of its own',
        'no door with scope: containers has a TCP address with a port of its own',
      ],
      [
        [door('10.0.0.1', 7, { needsUser: true })],
        undefined,
        'every door with scope: containers asks for credentials, which Docker would keep in clear',
        'every door with scope: containers asks for credentials, which Docker would keep in clear',
      ],
      [
        [door('10.0.0.1', 7, { needsUser: true }), door('10.0.0.1', 8)],
        undefined,
        'http://10.0.0.1:8',
        'http://10.0.0.1:8',
      ],
    ]
  for (const [doors, bridgeAddress, engine, client] of rows) {
    const wanted = wantedSettings({ doors, bridgeAddress, noProxy: ['.corp.example'] })
    const list = 'localhost,127.0.0.1,::1,.corp.example'
    const engineProxies = { 'http-proxy': engine, 'https-proxy': engine, 'no-proxy': list }
    t.strictSame(
      wanted.engine.values ?? wanted.engine.reason,
      engine.includes('://') ? { proxies: engineProxies } : engine,
    )
    const clientProxies = { default: { httpProxy: client, httpsProxy: client, noProxy: list } }
    t.strictSame(
      wanted.client.values ?? wanted.client.reason,
      client.includes('://') ? { proxies: clientProxies } : client,
    )
  }
  t.end()
})

t.test('engines before 23.0 do not know the key', (t) => {
  for (const version of ['20.10.24+dfsg1', '19.03.1', '22.06.0-beta.0']) t.notOk(readsProxiesFromFile(version), version)
  for (const version of ['23.0.0', '24.0.7', '28.1.1+1', '29.0.0-rc.1']) t.ok(readsProxiesFromFile(version), version)
  t.end()
})
