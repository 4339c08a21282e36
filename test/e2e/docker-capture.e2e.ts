import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { type Policy, startGateway } from './harness/gateway.ts'
import { GATEWAY_FOR_CORP } from './harness/lab.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startDante } from './harness/peers/dante.ts'
import { startEngine } from './harness/peers/engine.ts'
import { startSquid } from './harness/peers/squid.ts'
import { makeImage } from './harness/peers/test-image.ts'
import { joinScenario } from './harness/scenario.ts'

// A real engine on the gateway's own host: its containers have no proxy settings, and one of their networks has no way out of its own.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const squid = await startSquid(scenario)
const dante = await startDante(scenario)
// The engine makes its host forward, and fills its tables: the next scenario finds a host as it was.
scenario.undo.push('what the engine leaves', async () => {
  const tidy =
    'nft flush ruleset; for link in docker0 apps0 later0; do ip link delete $link; done 2>/dev/null; sysctl -qw net.ipv4.ip_forward=0'
  await scenario.run('gateway', ['sh', '-c', tidy])
})
const engine = await startEngine(scenario, { host: 'gateway', proxy: '', clear: [] })
const image = makeImage(scenario)
const tar = join(image.folder, 'box.tar')
execFileSync('tar', ['-C', join(image.folder, 'root'), '-cf', tar, '.'])
await must('import', tar, 'box')
await network('apps', 'apps0')

const UDP = fileURLToPath(new URL('./harness/udp', import.meta.url))
const pac = `function FindProxyForURL(url, host) {
  return host === 'origin.test' ? 'PROXY squid.corp.test:${squid.port}' : url.indexOf('${origins.ports.https}') > 0 ? 'SOCKS5 dante.corp.test:${dante.port}' : 'DIRECT'
}`
const policy = (...interfaces: string[]): Policy => ({
  containersProxy: { mode: 'manual', embeddedPac: pac },
  capture: { enabled: true, networks: [], interfaces, subnets: [] },
})
const ORIGIN = `${origins.address}:${origins.ports.http}`

const without = await get('apps', ORIGIN)
const theirs = await rulesOfOthers()
const gateway = await startGateway(scenario, policy('docker0', 'apps0'))

await t.test('without the gateway the network of its own has no way out', async (t) => {
  t.equal(without.stdout, '', without.stderr)
})

await t.test('containers without any proxy setting', async (t) => {
  for (const name of ['bridge', 'apps']) {
    for (const [host, from, route] of [
      ['origin.test', undefined, `http://squid.corp.test:${squid.port}`],
      [origins.address, GATEWAY_FOR_CORP, 'direct'],
    ] as const) {
      const before = gateway.flows().length
      const done = await get(name, ORIGIN, host)
      // nc sends FIN after its request, at which squid drops the tunnel: its log and ours tell the rest.
      if (from) t.match(done.stdout, `"from":"${from}"`, `${name}, ${host}: ${done.stderr}`)
      const line = await gateway.flow(host, (flow) => flow.captured?.dialled === ORIGIN, before)
      t.match(line, { route, scope: 'containers' })
    }
  }
  t.match(squid.log(), `CONNECT origin.test:${origins.ports.http}`)
  const banner = await box('apps', ['sh', '-c', `busybox nc ${origins.address} ${origins.ports.banner} </dev/null`])
  t.match(banner.stdout, `220 origin speaks first to ${GATEWAY_FOR_CORP}`, 'a server that speaks first')
})

await t.test('containers reach each other, and published ports are reached, without the gateway', async (t) => {
  await must(
    'run',
    '-d',
    '--name',
    'web',
    '--network',
    'apps',
    '-p',
    '18080:8080',
    '-p',
    '18081:8081/udp',
    'box',
    '/bin/busybox',
    'httpd',
    '-f',
    '-p',
    '8080',
    '-h',
    '/',
  )
  const format = '{{.NetworkSettings.Networks.apps.IPAddress}}'
  const address = (await must('inspect', '-f', format, 'web')).trim()
  const before = gateway.flows().length
  for (const place of [`${address}:8080`, '10.77.2.1:18080']) {
    const done = await get('apps', place, 'web', '/message')
    t.match(done.stdout, image.message, `${place} ${done.stderr}`)
  }
  const outside = await scenario.run('corp', [
    ...['curl', '-q', '-sS', '-m', '5', `http://${GATEWAY_FOR_CORP}:18080/message`],
  ])
  t.match(outside.stdout, image.message, `from another machine: ${outside.stderr}`)
  const pid = (await must('inspect', '-f', '{{.State.Pid}}', 'web')).trim()
  const inside = ['nsenter', '-t', pid, '-n', process.execPath, join(UDP, 'echo.mjs'), '0.0.0.0', '8081']
  const echo = scenario.start('gateway', 'udp-echo', inside)
  await echo.until('ready', () => echo.stdout.includes('ready'))
  const ask = ['node', join(UDP, 'ask.mjs'), GATEWAY_FOR_CORP, '18081', '5']
  const datagram = await scenario.run('corp', ask)
  t.match(JSON.parse(datagram.stdout), { reply: { from: GATEWAY_FOR_CORP, port: 18081 } }, 'by UDP')
  await echo.stop()
  t.equal(gateway.flows().length, before)
  await must('rm', '-f', 'web')
})

await t.test('networks come and go while bytes flow', async (t) => {
  await must('run', '-d', '--name', 'long', '--network', 'apps', 'box', '/bin/sh', '-c', longTalk())
  await gateway.running.until('the long flow', async () => (await gateway.status()).liveFlows > 0)
  await network('later', 'later0')
  await gateway.reload(policy('docker0', 'apps0', 'later0'))
  const done = await get('later', ORIGIN)
  t.match(done.stdout, `"from":"${GATEWAY_FOR_CORP}"`, done.stderr)
  await must('network', 'rm', 'later')
  await gateway.reload(policy('docker0', 'apps0'))
  t.equal((await must('wait', 'long')).trim(), '0', 'the flow that was there went on to its end')
  t.match(await must('logs', 'long'), /line 40/)
  await must('rm', 'long')
})

await t.test('the engine is restarted', async (t) => {
  await engine.running.stop()
  const again = await startEngine(scenario, { host: 'gateway', proxy: '', clear: [], folder: engine.folder })
  const done = await again.docker('run', '--rm', '--network', 'apps', 'box', ...asking(ORIGIN))
  t.match(done.stdout, `"from":"${GATEWAY_FOR_CORP}"`, done.stderr)
})

await t.test('the rules of the engine are as they were', async (t) => {
  t.equal(await rulesOfOthers(), theirs)
  await gateway.running.stop()
  const left = await scenario.run('gateway', ['sh', '-c', 'nft list tables; ip rule; ip route show table all'])
  t.notMatch(left.stdout, /fairlead|7766/)
})

/** Speaks a line every 100 ms to the origin that echoes. */
function longTalk(): string {
  const lines = 'i=0; while [ $i -lt 41 ]; do echo line $i; i=$((i+1)); busybox usleep 100000; done'
  return `(${lines}) | busybox nc ${origins.address} ${origins.ports.banner}`
}

async function must(...args: string[]): Promise<string> {
  const done = await engine.docker(...args)
  if (done.code !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}

/** Without masquerading: its packets leave with addresses that nobody outside can answer to. */
function network(name: string, bridge: string): Promise<string> {
  const options = { 'bridge.enable_ip_masquerade': 'false', 'bridge.name': bridge }
  const flags = Object.entries(options).flatMap(([key, value]) => ['--opt', `com.docker.network.${key}=${value}`])
  return must('network', 'create', ...flags, name)
}

function box(name: string, argv: readonly string[]) {
  return engine.docker('run', '--rm', '--network', name, 'box', ...argv)
}

function get(network: string, place: string, host = origins.address, path = '/') {
  return box(network, asking(place, host, path))
}

/** By nc, for a static busybox cannot resolve even a number. */
function asking(place: string, host = origins.address, path = '/'): string[] {
  const [address, port] = place.split(':')
  const request = `GET ${path} HTTP/1.0\\r\\nHost: ${host}\\r\\n\\r\\n`
  return ['sh', '-c', `busybox printf '${request}' | busybox nc -w 5 ${address} ${port}`]
}

/** Every rule of the engine, in no order: it puts its networks' in another one each time. */
async function rulesOfOthers(): Promise<string> {
  const listed = await scenario.run('gateway', ['sh', '-c', 'for t in filter nat; do iptables -t $t -S; done'])
  return listed.stdout.split('\n').sort().join('\n')
}
