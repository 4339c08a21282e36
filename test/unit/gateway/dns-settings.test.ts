import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import t from 'tap'
import { LAST_RESORT, needsProbe, probeTargets } from '../../../src/gateway/dns-settings.ts'
import { loadText } from '../../fixtures/settings/load-text.ts'
import '../../fixtures/stay-inside.ts'

const HOST_SERVERS = [
  { address: '127.0.0.53', port: 53 },
  { address: '192.0.2.53', port: 53 },
]

t.test('where `auto` looks', async (t) => {
  const rows: readonly [title: string, text: string, targets: readonly string[]][] = [
    ['the host’s servers, loopback left out', '', ['192.0.2.53:53']],
    [
      'what dns.probe says, and nothing else',
      'dns: { probe: ["10.0.0.1:53", "[fd00::1]:53"] }',
      ['10.0.0.1:53', 'fd00::1:53'],
    ],
    ['the settings’ servers in place of the host’s', 'dns: { servers: 10.0.0.2 }', ['10.0.0.2:53']],
    [
      'proxies that are given by address',
      'proxy: { mode: manual, http: "http://10.0.0.3:3128", https: "http://proxy.test:1" }',
      ['192.0.2.53:53', '10.0.0.3:3128'],
    ],
  ]
  for (const [title, text, targets] of rows) {
    const { loaded, printed } = await loadText(text)
    t.equal(printed, '', title)
    t.same(
      probeTargets(loaded!.settings, HOST_SERVERS).map(({ address, port }) => `${address}:${port}`),
      targets,
      title,
    )
  }
})

t.test('which of them are neighbours', async (t) => {
  const interfaces = ['eth0 10.0.0.2 24', 'eth0 fd00::2 64', 'eth0 fe80::2 64', 'wg0 10.9.0.2 32'].map((line) => {
    const [device = '', address = '', bits] = line.split(' ')
    return { device, address, bits: Number(bits) }
  })
  const text =
    'dns: { servers: [10.0.0.1, 10.0.1.1, 10.9.0.1, "fd00::1", "fd00:1::1"] }\nproxy: { mode: manual, http: "http://10.0.0.3:3128" }'
  const { loaded } = await loadText(text)
  t.same(
    probeTargets(loaded!.settings, [], interfaces)
      .filter(({ isNeighbour }) => isNeighbour)
      .map(({ address }) => address),
    ['10.0.0.1', 'fd00::1', '10.0.0.3'],
  )
  const given = await loadText('dns: { probe: "10.0.0.1:53" }')
  t.notOk(probeTargets(given.loaded!.settings, [], interfaces)[0]?.isNeighbour, 'what the settings say is believed')
})

t.test('nothing is looked at where it decides nothing', async (t) => {
  const listen = 'listen: { address: "172.17.0.1:53", from: 172.17.0.0/16 }'
  for (const [text, needed] of [
    ['', false],
    [`dns: { ${listen} }`, true],
    [`dns: { ${listen} }\ndnsInhibition: none`, false],
    [`dns: { ${listen} }\ndnsInhibition: ipv6`, false],
    [`dns: { ${listen} }\ndefaultNetworkingMode: ipv4only`, false],
  ] as const) {
    t.equal(needsProbe((await loadText(text)).loaded!.settings.dns), needed, text)
  }
})

t.test('no test contacts a root name server, or anybody else outside', async (t) => {
  for (const { address, port } of LAST_RESORT) {
    t.throws(() => connect(port, address), /outside this machine/, `TCP to ${address}`)
    t.throws(() => connect({ host: address, port }), /outside this machine/)
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
    t.throws(() => socket.send('x', port, address), /outside this machine/, `UDP to ${address}`)
    // Connecting it asks for the way and sends nothing; whatever is sent then would go there.
    await new Promise<void>((resolve) => {
      socket.once('error', () => resolve()).connect(port, address, () => resolve())
    })
    t.throws(() => socket.send('x'), /outside this machine/)
    socket.close()
  }
  connect(9, '127.0.0.1').on('error', () => {})
  const { tap } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    tap: { 'node-arg': string[] }
  }
  t.ok(tap['node-arg'].includes('--import=./test/fixtures/stay-inside.ts'), 'every test runs with the guard')
})
