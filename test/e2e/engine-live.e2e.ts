import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { curl } from './harness/clients/curl.ts'
import { startGateway } from './harness/gateway.ts'
import { CORP, GATEWAY_FOR_CORP, GATEWAY_FOR_GUEST } from './harness/lab.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startEngine } from './harness/peers/engine.ts'
import { makeImage } from './harness/peers/test-image.ts'
import { takePort } from './harness/ports.ts'
import { joinScenario } from './harness/scenario.ts'

// The engine's own networks, captured as they come and go, with its containers known by name; through restarts of the engine, whose containers live
// on, and through the death of the gateway. Traffic flows all the time.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const ORIGIN = CORP['origin.test']
const UDP = fileURLToPath(new URL('./harness/udp', import.meta.url))
const echo = takePort()
const echoes = scenario.start('corp', 'udp-echo', [process.execPath, join(UDP, 'echo.mjs'), ORIGIN, String(echo)])
await echoes.until('ready', () => echoes.stdout.includes('ready'))
scenario.undo.push('what the engine leaves', async () => {
  const tidy =
    'nft flush ruleset; for link in docker0 one0 two0 three0 cut0; do ip link delete $link; done 2>/dev/null; sysctl -qw net.ipv4.ip_forward=0'
  await scenario.run('gateway', ['sh', '-c', tidy])
})
const engine = await startEngine(scenario, { host: 'gateway', proxy: '', clear: [], keepsContainers: true })
scenario.undo.push('containers', async () => {
  await scenario.run('gateway', [
    'sh',
    '-c',
    `docker -H unix://${engine.socket} ps -aq | xargs -r docker -H unix://${engine.socket} rm -f`,
  ])
})
const tar = join(makeImage(scenario).folder, 'box.tar')
execFileSync('tar', ['-C', join(tar, '../root'), '-cf', tar, '.'])
await must('import', tar, 'box')
await network('one')
/** The machine's own programs, for a static busybox speaks no UDP. */
const MOUNTS = ['/usr', '/lib', '/lib64', dirname(process.execPath), UDP].flatMap((path) => [
  '-v',
  `${path}:${path}:ro`,
])

/** What curl says in the end. */
const SIZE = '%{size_download}'
/** Bytes of one download, many times what a tunnel carries before the kernel takes it. */
const LARGE = 64 * 1024 * 1024

const policy = {
  engine: { socket: `unix://${engine.socket}` },
  capture: { enabled: true },
  containerRules: [{ match: { container: 'denied*' }, use: 'reject' }],
}
const kernelBefore = await kernelState()
let gateway = await startGateway(scenario, policy)
await captures('docker0', 'one0')
await talker('steady', 'one')

await t.test('every network of the engine, TCP and UDP, each flow with the container’s name', async (t) => {
  for (const [name, place] of [
    ['first', 'bridge'],
    ['second', 'one'],
  ] as const) {
    t.match(await get(name, place), `"from":"${GATEWAY_FOR_CORP}"`)
    const line = await flowOf(name, `${ORIGIN}:${origins.ports.http}`)
    t.match(line, { route: 'direct', container: { name, image: 'box' } })
    t.match(await ask(`udp-${name}`, place), { reply: { seen: GATEWAY_FOR_CORP, from: ORIGIN, port: echo } }, 'UDP')
    t.equal((await ask(`denied-${name}`, place)).error, 'ECONNREFUSED', 'UDP of a container that a rule refuses')
    t.match(await flowOf(`denied-${name}`, `${ORIGIN}:${echo}`), {
      protocol: 'udp',
      error: { code: 'POLICY_REJECTED' },
    })
    t.equal(await get(`denied-tcp-${name}`, place), '', 'and TCP')
  }
})

await t.test('a network that the engine keeps inside stays inside', async (t) => {
  await must('network', 'create', '--internal', '--opt', 'com.docker.network.bridge.name=cut0', 'cut')
  await gateway.running.until('word of it', () => gateway.log().some(({ msg }) => / cut$/.test(msg ?? '')))
  await captures('docker0', 'one0')
  const { length } = gateway.flows()
  t.equal(await get('inside', 'cut'), '')
  t.equal((await ask('udp-inside', 'cut')).reply, undefined, 'UDP')
  t.same(
    gateway
      .flows()
      .slice(length)
      .filter(({ container }) => container?.name.endsWith('inside')),
    [],
  )
  await must('network', 'rm', 'cut')
})

await t.test('a door is no way from one network into another', async (t) => {
  await must(
    'run',
    '-d',
    '--name',
    'kept',
    '--network',
    'one',
    'box',
    'busybox',
    'httpd',
    '-f',
    '-p',
    '8080',
    '-h',
    '/',
  )
  const format = '{{.NetworkSettings.Networks.one.IPAddress}}'
  const address = (await must('inspect', '-f', format, 'kept')).trim()
  const door = { address: `${GATEWAY_FOR_GUEST}:${takePort()}`, scope: 'containers', from: ['172.16.0.0/12'] }
  const open = { ...policy, listen: { mixed: [door] } }
  await gateway.reload(open)
  const words = `busybox printf 'GET http://${address}:8080/message HTTP/1.0\\r\\nHost: ${address}:8080\\r\\n\\r\\n'`
  // http.docker.internal, captured.
  const asks = ['sh', '-c', `(${words}; busybox sleep 1) | busybox nc -w 3 192.168.65.1 3128`]
  const askBy = async (name: string, place: string) => (await run(name, place, [], asks)).stdout
  t.match(await askBy('neighbour', 'one'), 'made for this run')
  const refused = await askBy('outsider', 'bridge')
  t.match(refused, /^HTTP\/1\.\d 403 /)
  t.match(refused, /container network one.*access\.allow/s)
  const line = await gateway.flow('the refusal', (flow) => flow.container?.name === 'outsider')
  t.match(line, { error: { code: 'ACCESS_DENIED' } })
  await gateway.reload({ ...open, access: { allow: [address] } })
  t.match(await askBy('let-in', 'bridge'), 'made for this run')

  // Through a door, as with HTTP_PROXY: no upstream knows its neighbours.
  await gateway.reload({
    ...open,
    containersProxy: { mode: 'manual', http: 'http://192.0.2.1:9', https: 'http://192.0.2.1:9' },
  })
  const byName = [
    'sh',
    '-c',
    `(${words.replaceAll(address, 'kept')}; busybox sleep 1) | busybox nc -w 3 192.168.65.1 3128`,
  ]
  t.match((await run('by-name', 'one', [], byName)).stdout, 'made for this run')
  t.match(await askBy('by-address', 'one'), 'made for this run')
  t.match(await gateway.flow('by name', (flow) => flow.container?.name === 'by-name'), {
    ...{ target: 'kept:8080', route: 'direct', because: { source: 'own-network' } },
  })
  t.notMatch((await run('elsewhere', 'bridge', [], byName)).stdout, 'made for this run', 'not a name in its network')
  await gateway.reload(policy)
  await must('rm', '-f', 'kept')
})

await t.test('a network comes and goes while bytes flow', async (t) => {
  await network('two')
  await captures('docker0', 'one0', 'two0')
  t.match(await get('third', 'two'), `"from":"${GATEWAY_FOR_CORP}"`)
  t.match(await flowOf('third', `${ORIGIN}:${origins.ports.http}`), { route: 'direct' })
  t.match(await members(), 'two0')
  await must('network', 'rm', 'two')
  await captures('docker0', 'one0')
  await gateway.running.until('the set without it', async () => !(await members()).includes('two0'))
  t.ok(await talksOn('steady'))
})

await t.test('the engine is restarted while bytes flow', async (t) => {
  await must(
    'run',
    '-d',
    '--name',
    'often',
    '--network',
    'one',
    'box',
    'sh',
    '-c',
    `while :; do ${asking()}; busybox usleep 200000; done`,
  )
  await flowOf('often', `${ORIGIN}:${origins.ports.http}`)
  await engine.restart(async () => {
    await gateway.running.until('the loss', async () => (await gateway.status()).engine?.connected === false)
    t.ok(await talksOn('steady'), 'a flow goes on without the engine')
    const before = gateway.flows().length
    await flowOf('often', `${ORIGIN}:${origins.ports.http}`, before)
    t.pass('and new ones are still known by name')
    t.match(await members(), 'one0', 'and captured')
  })
  await gateway.running.until('the engine', async () => (await gateway.status()).engine?.connected, 30_000)
  t.ok(await talksOn('steady'))
  await network('three')
  await captures('docker0', 'one0', 'three0')
  t.match(await get('fourth', 'three'), `"from":"${GATEWAY_FOR_CORP}"`, 'a network made afterwards')
  t.match(await flowOf('fourth', `${ORIGIN}:${origins.ports.http}`), { container: { name: 'fourth' } })
  await must('rm', '-f', 'often')
})

await t.test('two containers exchange their addresses: each keeps its rule', async (t) => {
  await must('network', 'create', '--subnet', '10.55.0.0/24', '--opt', 'com.docker.network.bridge.name=swap0', 'swap')
  await captures('docker0', 'one0', 'three0', 'swap0')
  // A connection that loses its network in the middle says nothing more.
  const asks = `while :; do ${asking().replace('busybox nc', 'busybox timeout 1 busybox nc')}; busybox usleep 20000; done`
  const [denied, open] = ['denied-swap', 'open-swap']
  const addresses = ['10.55.0.10', '10.55.0.11']
  const join = (name: string, at: string) => must('network', 'connect', '--ip', at, 'swap', name)
  for (const name of [denied, open]) {
    await must('run', '-d', '--name', name, '--network', 'none', 'box', 'sh', '-c', asks)
    await must('network', 'disconnect', 'none', name)
  }
  for (let round = 0; round < 4; round += 1) {
    const before = gateway.flows().length
    await join(denied, addresses[round % 2]!)
    await join(open, addresses[(round + 1) % 2]!)
    for (const name of [denied, open]) await flowOf(name, `${ORIGIN}:${origins.ports.http}`, before)
    for (const name of [denied, open]) await must('network', 'disconnect', 'swap', name)
  }
  t.match(await must('logs', open), `"from":"${GATEWAY_FOR_CORP}"`)
  t.equal(await must('logs', denied), '', 'it was never let out')
  await must('rm', '-f', denied, open)
  await must('network', 'rm', 'swap')
  await captures('docker0', 'one0', 'three0')
})

await t.test('the kernel moves the bytes of captured and of reverse flows', async (t) => {
  await must(
    'run',
    '-d',
    '--name',
    'server',
    '--network',
    'one',
    'box',
    'sh',
    '-c',
    'busybox truncate -s 64M /big; exec busybox httpd -f -p 8080 -h /',
  )
  const reverse = takePort()
  for (const [fastPath, isMoved] of [
    ['auto', true],
    ['off', false],
  ] as const) {
    await gateway.reload({ ...policy, relay: { fastPath }, reverse: { listen: `127.0.0.1:${reverse}` } })
    const downloads: Readonly<Record<string, () => Promise<number>>> = {
      captured: () => download(`large-${fastPath}`, LARGE),
      reverse: async () =>
        Number(
          (
            await curl(scenario, [
              '--proxy',
              `socks5h://127.0.0.1:${reverse}`,
              '-o',
              '/dev/null',
              '-w',
              SIZE,
              'http://server:8080/big',
            ])
          ).stdout,
        ),
    }
    for (const [name, get] of Object.entries(downloads)) {
      const before = readByNode()
      t.ok((await get()) >= LARGE, name)
      const read = readByNode() - before
      t.equal(read < LARGE / 4, isMoved, `${name}, fast path ${fastPath}: ${read} bytes passed through the process`)
    }
  }
  await gateway.reload(policy)
  await must('rm', '-f', 'server')
})

await t.test('the gateway is killed while bytes flow, and started again', async (t) => {
  const rules = await ours()
  gateway.running.signal('SIGKILL')
  await gateway.running.exited
  t.equal(await ours(), rules, 'its rules stay')
  t.equal(await get('shut', 'one'), '', 'and are closed')
  gateway = await startGateway(scenario, policy)
  await captures('docker0', 'one0', 'three0')
  t.equal(await ours(), rules, 'the same rules, once')
  t.match(await get('fifth', 'one'), `"from":"${GATEWAY_FOR_CORP}"`)
  t.match(await flowOf('fifth', `${ORIGIN}:${origins.ports.http}`), { container: { name: 'fifth' } })
})

await t.test('killed, and started while the engine is away: what was captured stays so', async (t) => {
  // Without rules for containers, by which one that nobody knows may be refused.
  const { containerRules: _, ...open } = policy
  await gateway.reload(open)
  const asks = `while :; do ${asking()}; busybox usleep 100000; done`
  await must('run', '-d', '--name', 'asks', '--network', 'one', 'box', 'sh', '-c', asks)
  await flowOf('asks', `${ORIGIN}:${origins.ports.http}`)
  const past = `add table ip past
    add chain ip past forward { type filter hook forward priority 0; }
    add rule ip past forward iifname one0 tcp dport ${origins.ports.http} counter`
  t.equal((await scenario.run('gateway', ['nft', past])).code, 0)
  const captured = async () => (await gateway.status()).doors.filter((door) => door.startsWith('capture '))
  const before = await captured()
  t.match(before, [/docker0, one0/])
  await engine.restart(async () => {
    gateway.running.signal('SIGKILL')
    await gateway.running.exited
    gateway = await startGateway(scenario, open)
    t.same(await captured(), before, 'the same networks')
    t.ok(
      gateway.log().some(({ msg }) => msg?.includes('the Docker engine has not answered')),
      'the log says so',
    )
    const isServed = ({ target }: { target: string }) => target === `${ORIGIN}:${origins.ports.http}`
    t.match(await gateway.flow('a container that nobody knows', isServed), { route: 'direct' })
  })
  await gateway.running.until('the engine', async () => (await gateway.status()).engine?.connected, 30_000)
  await flowOf('asks', `${ORIGIN}:${origins.ports.http}`)
  t.same(await captured(), before)
  t.notMatch(JSON.stringify(gateway.log()), /internal error|a fault of Fairlead/, 'nor has anything failed')
  await must('rm', '-f', 'asks')
  const { stdout } = await scenario.run('gateway', ['nft', 'list', 'table', 'ip', 'past'])
  t.match(stdout, 'counter packets 0 ', 'nothing has gone out past the policy')
  await scenario.run('gateway', ['nft', 'delete', 'table', 'ip', 'past'])
  await gateway.running.stop()
  t.equal(await kernelState(), kernelBefore, 'after a stop nothing is left')
})

/** Until the gateway captures these interfaces, and no others. */
async function captures(...interfaces: string[]): Promise<void> {
  const wanted = interfaces.sort().join(', ')
  await gateway.running.until(wanted, async () =>
    (await gateway.status()).doors.some((door) => door.includes(`capture ${wanted}`)),
  )
}

/** A container that says a line every 100 ms to an origin that sends it back. */
async function talker(name: string, network: string): Promise<void> {
  const lines = 'while :; do echo line; busybox usleep 100000; done'
  const talk = `(${lines}) | busybox nc ${ORIGIN} ${origins.ports.banner}`
  await must('run', '-d', '--name', name, '--network', network, 'box', 'sh', '-c', talk)
  await talksOn(name)
}

/** Whether its one flow gets further. */
async function talksOn(container: string): Promise<boolean> {
  const heard = async () => {
    const flows = (await gateway.status()).flows.filter((flow) => flow.container === container)
    return flows.length === 1 ? flows[0]!.bytesDown : 0
  }
  const before = await heard()
  return gateway.running.until(`a word of ${container}`, async () => (await heard()) > before)
}

async function get(name: string, network: string): Promise<string> {
  return (await run(name, network, [], ['sh', '-c', asking()])).stdout
}

/** By nc, for a static busybox cannot resolve even a number. */
function asking(): string {
  return `busybox printf 'GET / HTTP/1.0\\r\\nHost: ${ORIGIN}\\r\\n\\r\\n' | busybox nc -w 3 ${ORIGIN} ${origins.ports.http}`
}

/** By curl, which keeps its own side open, as nearly everybody does. Bytes. */
async function download(name: string, bytes: number): Promise<number> {
  const url = `http://${ORIGIN}:${origins.ports.http}/bytes?length=${bytes}`
  const { stdout } = await run(name, 'one', MOUNTS, ['/usr/bin/curl', '-q', '-sS', '-o', '/dev/null', '-w', SIZE, url])
  return Number(stdout)
}

async function ask(name: string, network: string) {
  const argv = [process.execPath, join(UDP, 'ask.mjs'), ORIGIN, String(echo), '5']
  const { stdout, stderr } = await run(name, network, MOUNTS, argv)
  if (stdout === '') throw new Error(`${name}: ${stderr}`)
  return JSON.parse(stdout) as { readonly reply?: object; readonly error?: string }
}

function run(name: string, network: string, options: readonly string[], argv: readonly string[]) {
  return engine.docker('run', '--rm', '--name', name, '--network', network, ...options, 'box', ...argv)
}

/** A UDP flow's line comes when it has been idle; a drain or a look at the live ones is not waited for. */
function flowOf(container: string, target: string, skip = 0) {
  return gateway.flow(
    `${container} to ${target}`,
    (line) => line.container?.name === container && line.target === target,
    skip,
  )
}

/** Bytes that the gateway's process has read by read(2) and its like; what splice(2) moves is not among them (proc_pid_io). */
function readByNode(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${gateway.running.pid}/io`, 'utf8'))?.[1])
}

async function network(name: string): Promise<void> {
  await must('network', 'create', '--opt', `com.docker.network.bridge.name=${name}0`, name)
}

async function members(): Promise<string> {
  return (await scenario.run('gateway', ['nft', 'list', 'set', 'inet', 'fairlead', 'interfaces'])).stdout
}

/** What the kernel has of ours, but for the ports that it has chosen itself. */
async function ours(): Promise<string> {
  const commands =
    'nft list table inet fairlead; ip rule show priority 7766; ip -6 rule show priority 7766; ip route show table 7766'
  const { stdout } = await scenario.run('gateway', ['sh', '-c', commands])
  return stdout.replace(/(tproxy \S+ to \S*):\d+/g, '$1').replace(/(\w) dport \d+ reject/g, '$1')
}

async function kernelState(): Promise<string> {
  const commands = 'nft list tables; ip rule; ip -6 rule; ip route show table 7766; ip -6 route show table 7766'
  return (await scenario.run('gateway', ['sh', '-c', commands])).stdout
}

async function must(...args: string[]): Promise<string> {
  const done = await engine.docker(...args)
  if (done.code !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`)
  return done.stdout
}
