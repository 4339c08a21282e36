import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { aptFolders } from './harness/clients/apt.ts'
import { startGateway } from './harness/gateway.ts'
import { CORP, GATEWAY_FOR_CORP, GATEWAY_FOR_GUEST } from './harness/lab.ts'
import { startAptRepository } from './harness/origins/apt-repository.ts'
import { startGitServer } from './harness/origins/git-server.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startDante } from './harness/peers/dante.ts'
import { startEngine } from './harness/peers/engine.ts'
import { peerFolder } from './harness/peers/peer.ts'
import { startSquid } from './harness/peers/squid.ts'
import { takePort } from './harness/ports.ts'
import type { Finished } from './harness/processes.ts'
import { joinScenario } from './harness/scenario.ts'

// Debian containers of a real engine, in a network whose packets the host forwards nowhere: busybox, curl, git, apt, a Node and a Python program, none
// of which knows of proxies, by every way that a PAC file and a rule for containers say.

/** Milliseconds: debootstrap, where nothing is cached. */
const IMAGES_MS = 400_000
const IMPORT_MS = 120_000
const RUN_MS = 60_000
const OFFLINE_IMAGES = fileURLToPath(new URL('offline-images', import.meta.url))
const PROGRAM = process.env['FAIRLEAD_E2E_PROGRAM'] ?? fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const WAYS = ['direct', 'squid', 'dante', 'chain'] as const
type Way = (typeof WAYS)[number]
const nameFor = (way: Way) => `${way}.test`

const scenario = await joinScenario(t)
// Each way has a name of the one origin; gateway and proxies know it from their hosts files, the containers from the gateway's DNS.
for (const host of ['gateway', 'corp'] as const) {
  const file = `/etc/netns/${scenario.lab.namespaces[host]}/hosts`
  const before = readFileSync(file, 'utf8')
  scenario.undo.push(`the hosts file of ${host}`, () => writeFileSync(file, before))
  writeFileSync(file, `${before}${CORP['origin.test']} ${WAYS.map(nameFor).join(' ')}\n`)
}
// The certificate of every server of this file: it is made once.
await scenario.ca.leaf('origin.test', ...WAYS.map(nameFor), CORP['origin.test'])
const origins = await startOrigins(scenario)
const git = await startGitServer(scenario)
const apt = await startAptRepository(scenario)
const squid = await startSquid(scenario)
const dante = await startDante(scenario)
scenario.undo.push('what the engine leaves', async () => {
  const tidy =
    'nft flush ruleset; for link in docker0 apps0; do ip link delete $link; done 2>/dev/null; sysctl -qw net.ipv4.ip_forward=0'
  await scenario.run('gateway', ['sh', '-c', tidy])
})
const engine = await startEngine(scenario, { host: 'gateway', proxy: '', clear: [] })
await must(IMPORT_MS, 'import', await debian(), 'debian')
await must(RUN_MS, 'network', 'create', '--opt', 'com.docker.network.bridge.name=apps0', 'apps')
for (const way of WAYS) {
  const mounts = [process.execPath, '/bin/busybox'].flatMap((path) => [
    '-v',
    `${path}:/usr/local/bin/${path.split('/').at(-1)}:ro`,
  ])
  // A name server that is not there: whatever is asked of it is captured.
  const place = ['--network', 'apps', '--dns', '192.0.2.53', '--label', `way=${way}`, '--stop-signal', 'KILL']
  await must(
    RUN_MS,
    'run',
    '-d',
    '--name',
    way,
    ...place,
    ...mounts,
    '-v',
    `${scenario.lab.folder}:${scenario.lab.folder}`,
    'debian',
    'sleep',
    '3000',
  )
}

const pac = join(peerFolder(scenario, 'pac'), 'proxy.pac')
writeFileSync(
  pac,
  `function FindProxyForURL(url, host) {
  if (host === 'squid.test') return 'PROXY squid.corp.test:${squid.port}'
  if (host === 'dante.test') return 'SOCKS5 dante.corp.test:${dante.port}'
  return 'DIRECT'
}`,
)
const policy = {
  engine: { socket: `unix://${engine.socket}` },
  capture: { enabled: true, networks: 'apps' },
  dns: { listen: `127.0.0.1:${takePort()}` },
  containersProxy: { mode: 'manual', pac },
  containerRules: [{ match: { label: 'way=chain' }, use: [squid.url('http'), dante.url('socks5h')] }],
}
const SQUID = `http://${squid.name}:${squid.port}`
const EXPECTED: Readonly<Record<Way, { readonly from: string; readonly route: string }>> = {
  direct: { from: GATEWAY_FOR_CORP, route: 'direct' },
  squid: { from: squid.address, route: SQUID },
  dante: { from: dante.address, route: `socks5://${dante.name}:${dante.port}` },
  chain: { from: dante.address, route: `${SQUID} > socks5h://${dante.name}:${dante.port}` },
}

/** Arguments: a URL, and where a server speaks first. The authority to trust stands in the lab's folder. */
const NODE = `
const [url, host, port] = process.argv.slice(1)
const ca = require('fs').readFileSync(${JSON.stringify(scenario.ca.file)})
require(url.split(':')[0]).get(url, { ca }, (response) => response.pipe(process.stdout, { end: false })).on('error', console.error)
require('net').connect(port, host).on('data', (said) => { console.log(String(said)) }).once('data', function () { this.destroy() }).on('error', console.error)
`
const PYTHON = `
import socket, ssl, sys, urllib.request
url, host, port = sys.argv[1:]
context = ssl.create_default_context(cafile=${JSON.stringify(scenario.ca.file)}) if url.startswith('https') else None
print(urllib.request.urlopen(url, context=context, timeout=20).read().decode())
print(socket.create_connection((host, int(port)), 20).recv(100).decode())
`

await t.test('the network has no other way out', async (t) => {
  const probe = () =>
    inside('direct', 'curl', '-sS', '--max-time', '2', `http://${origins.address}:${origins.ports.http}/`)
  t.match((await probe()).stdout, `"from":"${GATEWAY_FOR_CORP}"`, 'as the engine makes it, it has one')
  const closed = ['DOCKER-USER', '-i', 'apps0', '!', '-o', 'apps0', '-j', 'DROP']
  t.equal((await scenario.run('gateway', ['iptables', '-I', ...closed])).code, 0)
  t.not((await probe()).code, 0, 'it is taken away')
  t.ok((await dropped()) > 0, 'by a rule that counts what would have left')
})

await t.test('programs that know nothing of proxies', async (t) => {
  const before = await dropped()
  const gateway = await startGateway(scenario, policy)
  await gateway.running.until('the network', async () =>
    (await gateway.status()).doors.some((door) => /capture.*apps0/.test(door)),
  )
  for (const way of WAYS) {
    await t.test(way, async (t) => {
      const { from, route } = EXPECTED[way]
      const logs = { squid: squid.log().length, dante: dante.log().length }
      const [http, https] = [origins.http(), origins.https()].map((url) => at(way, url)) as [string, string]
      const banner = [nameFor(way), String(origins.ports.banner)] as const
      const [host, port] = banner
      const talks: Readonly<Record<string, readonly string[]>> = {
        'busybox wget': ['busybox', 'wget', '-q', '-O-', http],
        'busybox nc': ['sh', '-c', `sleep 1 | busybox nc ${host} ${port}`],
        curl: ['curl', '-sS', http],
        'curl, TLS': ['curl', '-sS', '--cacert', scenario.ca.file, https],
        node: ['node', '-e', NODE, http, ...banner],
        'node, TLS': ['node', '-e', NODE, https, ...banner],
        python: ['python3', '-c', PYTHON, http, ...banner],
        'python, TLS': ['python3', '-c', PYTHON, https, ...banner],
      }
      for (const [program, argv] of Object.entries(talks)) {
        const done = await inside(way, ...argv)
        const http = /"from":"([^"]+)"/.exec(done.stdout)?.[1]
        const spoke = /220 origin speaks first to (\S+)/.exec(done.stdout)?.[1]
        if (program !== 'busybox nc') t.equal(http, from, `${program}: ${done.stderr}`)
        if (/nc|node|python/.test(program))
          t.equal(spoke, from, `${program}, a server that speaks first: ${done.stderr}`)
      }
      for (const url of [git.http, git.https]) {
        const folder = join(peerFolder(scenario, 'clone'), 'project')
        const done = await inside(
          way,
          'git',
          '-c',
          `http.sslCAInfo=${scenario.ca.file}`,
          'clone',
          '-q',
          at(way, url),
          folder,
        )
        t.equal(done.code, 0, `git: ${done.stderr}`)
        t.equal(readFileSync(join(folder, 'message'), 'utf8'), git.message)
      }
      for (const url of [apt.http, apt.https]) {
        const { env, cwd } = aptFolders(scenario, at(way, url))
        const script = `export APT_CONFIG=${env.APT_CONFIG}; cd ${cwd}; apt-get -q update && apt-get -q download ${apt.package}=${apt.version}`
        const done = await inside(way, 'sh', '-c', script)
        t.equal(done.code, 0, `apt: ${done.stderr}`)
      }

      // What the gateway says of them, and the upstreams.
      const ports = [http, https, git.http, git.https, apt.http, apt.https].map((url) => new URL(url).port).concat(port)
      for (const one of ports) {
        const line = await gateway.flow(`${way}:${one}`, ({ target }) => target === `${host}:${one}`)
        t.match(line, { route, door: 'capture', scope: 'containers', container: { name: way } })
      }
      const others = gateway.flows().filter((flow) => flow.container?.name === way && flow.route !== route)
      t.strictSame(others, [], 'nothing went another way')
      const said = { squid: squid.log().slice(logs.squid), dante: dante.log().slice(logs.dante) }
      for (const one of ports) {
        if (way === 'squid') t.match(said.squid, `CONNECT squid.test:${one}`, 'squid’s log')
        if (way === 'dante' || way === 'chain') t.match(said.dante, new RegExp(`[. ]${one}\\b`), 'dante’s log')
      }
      if (way === 'chain') t.match(said.squid, `CONNECT ${dante.name}:${dante.port}`, 'squid’s log has the second hop')
      if (way !== 'squid' && way !== 'chain') t.equal(said.squid, '', 'squid knows nothing of it')
      if (way !== 'dante' && way !== 'chain') t.equal(said.dante, '', 'dante knows nothing of it')
    })
  }
  t.equal(await dropped(), before, 'and the host has forwarded, or had to drop, not one packet of theirs')
  await gateway.running.stop()
})

await t.test('containers that are told, by docker-setup, and then no longer', async (t) => {
  const address = `${GATEWAY_FOR_GUEST}:${takePort()}`
  const listen = { mixed: { address, scope: 'containers', from: ['172.16.0.0/12'] } }
  const gateway = await startGateway(scenario, { containersProxy: policy.containersProxy }, { listen })
  const folder = peerFolder(scenario, 'client')
  const [settings, config] = [join(folder, 'fairlead.yaml'), join(folder, 'config.json')]
  writeFileSync(settings, JSON.stringify({ listen }))
  const before = '{\n   "detachKeys" : "ctrl-e,e"   }'
  writeFileSync(config, before)
  const setUp = (action: string) => {
    const files = ['--only', 'client', '--config', settings, '--client-config', config]
    return scenario.run('gateway', ['node', PROGRAM, 'docker-setup', action, ...files])
  }
  const url = at('squid', origins.http())
  const ask = () => {
    const script = `echo "proxy: $http_proxy"; curl -sS --max-time 5 ${url}`
    const argv = ['--network', 'apps', 'debian', 'sh', '-c', script]
    return scenario.run('gateway', [
      'docker',
      '--config',
      folder,
      '--host',
      `unix://${engine.socket}`,
      'run',
      '--rm',
      ...argv,
    ])
  }
  const applied = await setUp('--apply')
  t.equal(applied.code, 0, applied.stderr)
  const told = await ask()
  t.match(told.stdout, `proxy: http://${address}`)
  t.match(told.stdout, `"from":"${squid.address}"`, told.stderr)
  await gateway.flow(url, ({ target, route }) => target === new URL(url).host && route === SQUID)
  t.equal((await setUp('--remove')).code, 0)
  t.equal(readFileSync(config, 'utf8'), before)
  const untold = await ask()
  t.match(untold.stdout, /^proxy: \n/)
  t.not(untold.code, 0, 'the network has no way out')
  await gateway.running.stop()
})

/** Packets of the network that the host would have forwarded. */
async function dropped(): Promise<number> {
  const { stdout } = await scenario.run('gateway', ['iptables', '-nvxL', 'DOCKER-USER'])
  return Number(/^\s*(\d+)\s+\d+\s+DROP\b.*apps0/m.exec(stdout)?.[1] ?? Number.NaN)
}

async function debian(): Promise<string> {
  // On the machine itself: its packages come from its own mirrors.
  const done = await scenario.run('guest', ['bash', OFFLINE_IMAGES, '--files-only'], {
    timeoutMs: IMAGES_MS,
    wrap: (argv) => ['nsenter', `--target=${scenario.lab.runner}`, '--mount', '--net', ...argv],
  })
  const file = /^debian=(.+)$/m.exec(done.stdout)?.[1]
  if (!file) throw new Error(`no Debian image: ${done.stderr}`)
  return file
}

function at(way: Way, url: string): string {
  return url.replace('origin.test', nameFor(way))
}

function inside(way: Way, ...argv: string[]): Promise<Finished> {
  return docker(RUN_MS, 'exec', way, ...argv)
}

function docker(timeoutMs: number, ...args: string[]): Promise<Finished> {
  return scenario.run('gateway', ['docker', '--host', `unix://${engine.socket}`, ...args], { timeoutMs })
}

async function must(timeoutMs: number, ...args: string[]): Promise<void> {
  const done = await docker(timeoutMs, ...args)
  if (done.code !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`)
}
