import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { composeLab, ROOT, said } from './harness/compose-lab.ts'
import { startEngine } from './harness/peers/engine.ts'
import { peerFolder } from './harness/peers/peer.ts'
import { joinScenario } from './harness/scenario.ts'

// docker-compose.test.yml at the top of the repository, for real: its images are built by an engine that can pull nothing, it comes up with the
// classic docker-compose, and its own tests pass. Then that the containers' network has no way out but the gateway, from the engine's side.

/** Milliseconds. */
const BUILD_MS = 400_000
const UP_MS = 240_000

const scenario = await joinScenario(t)
const engine = await startEngine(scenario, { proxy: '', clear: [] })
const { environment, makeBase, compose } = composeLab(scenario, engine, ['docker-compose'], {
  DOCKER_BUILDKIT: '0',
  COMPOSE_DOCKER_CLI_BUILD: '0',
})
const inClient = (...argv: string[]) => compose(['exec', '-T', 'client', ...argv])

await t.test('the base image is made without pulling anything', async (t) => {
  const done = await makeBase()
  t.equal(done.code, 0, said(done))
  t.match(done.stdout, `FAIRLEAD_TEST_BASE=${environment.FAIRLEAD_TEST_BASE}`)
  t.comment(`made in ${Math.round(done.ms / 1000)} s`)
})

await t.test('the images of the environment are built, Fairlead’s from the Dockerfile', async (t) => {
  const done = await compose(['build'], BUILD_MS)
  t.equal(done.code, 0, said(done))
  t.comment(`built in ${Math.round(done.ms / 1000)} s`)
})

scenario.undo.push('the environment', async () => {
  await compose(['down', '--volumes', '--timeout', '2'])
})

await t.test('up --exit-code-from tests', async (t) => {
  const done = await compose(['up', '--no-color', '--timeout', '5', '--exit-code-from', 'tests'], UP_MS)
  t.equal(done.code, 0, said(done))
  t.match(done.stdout, /^tests_1 .*# fail 0$/m)
  t.notMatch(done.stdout, /somebody has removed the rules/, 'the gateway finds its rules as they stand')
  const passed = Number(/^tests_1 .*# pass (\d+)$/m.exec(done.stdout)?.[1])
  t.ok(passed >= 26, `${passed} tests in the environment passed`)
  t.comment(`in ${Math.round(done.ms / 1000)} s`)
})

await t.test('a red test makes the exit code', async (t) => {
  const done = await compose(['run', '--rm', '--no-deps', '--entrypoint', 'node', 'tests', '-e', 'process.exit(3)'])
  t.equal(done.code, 3, 'the exit code of the tests')
})

await t.test('the gateway’s container has what it needs and no more', async (t) => {
  const started = await compose(['up', '--detach', '--no-build', 'client'], UP_MS)
  t.equal(started.code, 0, said(started))
  const inspected = await engine.docker('inspect', '--format', '{{json .}}', 'lab_gateway_1')
  const container = JSON.parse(inspected.stdout) as {
    Config: { User: string }
    HostConfig: { ReadonlyRootfs: boolean; Privileged: boolean; CapDrop: string[]; CapAdd: string[] }
  }
  t.equal(container.Config.User, 'fairlead')
  t.match(container.HostConfig, { ReadonlyRootfs: true, Privileged: false, CapDrop: ['ALL'], CapAdd: ['NET_ADMIN'] })
  const status = await compose(['exec', '-T', 'gateway', 'cat', '/proc/1/status'])
  t.match(status.stdout, /^Uid:\s+10128\s/m, 'not root')
  t.match(status.stdout, /^CapEff:\s+0*1000$/m, 'CAP_NET_ADMIN and nothing else')
  const command = await compose(['exec', '-T', 'gateway', 'fairlead', 'status', '--json'])
  t.equal(command.code, 0, said(command))
  t.match(JSON.parse(command.stdout), { pid: 1 })
  const forwards = await compose(['exec', '-T', 'gateway', 'cat', '/proc/sys/net/ipv4/ip_forward'])
  t.equal(forwards.stdout.trim(), '0', 'what is not captured goes nowhere')
})

await t.test('the image’s start takes along what capture and low ports need, where the container has it', async (t) => {
  const folder = join(peerFolder(scenario, 'capabilities'), 'bin')
  mkdirSync(folder)
  writeFileSync(join(folder, 'node'), '#!/bin/sh\nexec sed -n s/^CapEff:[[:space:]]*0*//p /proc/self/status\n')
  chmodSync(join(folder, 'node'), 0o755)
  const inFront = ['-v', `${folder}:/told:ro`, '-e', 'PATH=/told:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin']
  const of = async (...options: string[]) => {
    const image = ['fairlead-test-gateway', 'start']
    const told = await engine.docker('run', '--rm', '--network', 'none', ...inFront, ...options, ...image)
    return `${told.stdout}${told.stderr}`.trim()
  }
  const [bind, admin, raw] = [10, 12, 13].map((bit) => 1 << bit) as [number, number, number]
  for (const [options, had] of [
    ['--cap-add NET_ADMIN', bind | admin | raw],
    ['--cap-add NET_ADMIN --cap-drop NET_RAW', bind | admin],
    ['--cap-drop ALL --cap-add NET_ADMIN', admin],
    ['--cap-drop ALL --cap-add NET_ADMIN --cap-add NET_RAW', admin | raw],
    ['', bind],
    ['--cap-drop ALL', 0],
    ['--cap-add NET_ADMIN --security-opt no-new-privileges', 0],
  ] as const) {
    t.equal(await of(...options.split(' ').filter(Boolean)), had === 0 ? '' : had.toString(16), options || 'of itself')
  }
  const setpriv = (await scenario.run('guest', ['sh', '-c', 'command -v setpriv'])).stdout.trim()
  t.equal(await of('-v', `${setpriv}:/usr/local/bin/with-capabilities:ro`), '', 'a file that has lost its own')
})

await t.test('the containers’ network has no way out but the gateway', async (t) => {
  const bridge = `br-${(await engine.docker('network', 'inspect', '--format', '{{.Id}}', 'lab_inside')).stdout.slice(0, 12)}`
  const addresses = await scenario.run('guest', ['ip', '-4', '-oneline', 'address', 'show', 'dev', bridge])
  t.strictSame([addresses.code, addresses.stdout], [0, ''], 'the engine’s host has no address on its bridge')
  const nat = await scenario.run('guest', ['iptables', '-t', 'nat', '-S'])
  t.equal(nat.code, 0)
  t.notMatch(nat.stdout, /10\.86\.1\.0\/24/, 'and masquerades nothing from it')
  const rule = ['FORWARD', '-i', bridge, '!', '-o', bridge]
  t.equal((await scenario.run('guest', ['iptables', '-I', ...rule])).code, 0, 'what it would forward is counted')

  const probe = ['curl', '-sS', '--max-time', '5', 'http://direct.example.test/']
  const before = await inClient(...probe)
  t.equal(before.code, 0, said(before))
  t.match(JSON.parse(before.stdout), { peer: '10.86.0.2' }, 'over the gateway')

  t.equal((await compose(['stop', '--timeout', '10', 'gateway'])).code, 0)
  for (const address of ['10.86.0.20', '10.86.0.1', '172.17.0.1', '10.77.1.2', '10.77.1.1']) {
    const without = await inClient('curl', '-sS', '--max-time', '2', `http://${address}/`)
    t.not(without.code, 0, `without it, ${address} cannot be reached`)
  }
  const there = await compose(['exec', '-T', 'dns', ...probe])
  t.equal(there.code, 0, `while the origin is there for others: ${said(there)}`)

  t.equal((await compose(['start', 'gateway'])).code, 0)
  const again = await reachedAgain(probe)
  t.match(JSON.parse(again), { peer: '10.86.0.2' }, 'and with it, again')

  const counted = await scenario.run('guest', ['iptables', '-nvxL', 'FORWARD'])
  const line = counted.stdout.split('\n').find((text) => text.includes(bridge) && text.includes(`!${bridge}`))
  t.match(line, /^\s*0\s+0\s/, 'the engine’s host forwarded not one packet out of it')
})

await t.test('the gateway is killed, and started again', async (t) => {
  const probe = ['curl', '-sS', '--max-time', '5', 'http://direct.example.test/']
  const container = (await compose(['ps', '-q', 'gateway'])).stdout.trim()
  t.equal((await compose(['kill', 'gateway'])).code, 0)
  // The engine may hear of the end seconds later (it was asking the container for its health), and until then a start does nothing, and succeeds.
  t.equal((await engine.docker('wait', container)).stdout.trim(), '137', 'it is the kill that ended it')
  t.not((await inClient(...probe)).code, 0, 'without it nothing gets out')
  t.equal((await compose(['start', 'gateway'])).code, 0)
  t.match(JSON.parse(await reachedAgain(probe)), { peer: '10.86.0.2' })
  const rules = await compose([
    'exec',
    '-T',
    'gateway',
    'with-capabilities',
    '--inh-caps=-all,+net_admin',
    '--ambient-caps=-all,+net_admin',
    'nft',
    'list',
    'tables',
  ])
  // The engine has a table of its own in each container, for the names that it answers.
  const ours = rules.stdout.split('\n').filter((line) => line !== '' && line !== 'table ip nat')
  t.same(ours, ['table inet fairlead'], said(rules))
})

await t.test('the image as a way to the containers, by the command of docs/reverse.md', async (t) => {
  const [yaml, command] = docs('As a container')
  const folder = peerFolder(scenario, 'reverse')
  writeFileSync(join(folder, 'reverse.yaml'), yaml)
  // The image is built already, from the same Dockerfile, and the password is the environment's.
  const run = command
    .slice(0, command.indexOf('\ndocker network connect'))
    .replace(/^(docker build|export REVERSE_PASSWORD=).*\n/gm, '')
    .replaceAll('/var/run/docker.sock:/', `${engine.socket}:/`)
    .replaceAll('/var/run/docker.sock)', `${engine.socket})`)
    .replace('shop_default', 'lab_egress')
    .replaceAll(/ fairlead(?= -c |$)/gm, ' fairlead-test-gateway')
  const env = { ...environment, REVERSE_PASSWORD: 'secret' }
  const started = await scenario.run('guest', ['sh', '-c', run], { env, cwd: folder })
  t.equal(started.code, 0, said(started))
  const ask = (host: string) =>
    scenario.run('guest', [
      'curl',
      '-q',
      '-sS',
      '--max-time',
      '5',
      '--proxy',
      'socks5h://me:secret@127.0.0.1:1080',
      `http://${host}/`,
    ])
  const answer = await engine.running.until('an answer of the origin', async () => {
    const { code, stdout } = await ask('origin.lab')
    return code === 0 && stdout
  })
  t.match(JSON.parse(answer), { door: 'http', host: 'origin.lab' }, 'by service.project, from the engine’s host')
  t.equal((await ask('10.86.0.20')).code, 0, 'and by address')
  const far = await engine.docker('logs', 'to-containers')
  t.notMatch(far.stderr, /"level":(50|60)/)
  t.equal((await engine.docker('rm', '-f', 'to-containers')).code, 0)
})

/** The code blocks of a section of docs/reverse.md. */
function docs(section: string): [string, string] {
  const text = readFileSync(`${ROOT}docs/reverse.md`, 'utf8')
  const blocks = [...text.slice(text.indexOf(`## ${section}`)).matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(
    ([, block]) => block!,
  )
  return [blocks[0]!, blocks[1]!]
}

await t.test('capture stays inside the gateway’s own network namespace', async (t) => {
  const tables = await scenario.run('guest', ['nft', 'list', 'tables'])
  t.equal(tables.code, 0, tables.stderr)
  t.notMatch(tables.stdout, /fairlead/)
})

/** What the gateway itself says is part of the failure: the engine's last words tell only that a container has ended. */
async function reachedAgain(probe: readonly string[]): Promise<string> {
  let last = ''
  const reached = engine.running.until('an answer over the gateway', async () => {
    const asked = await inClient(...probe)
    last = said(asked)
    return asked.code === 0 && asked.stdout
  })
  return reached.catch(async (error: Error) => {
    const [states, log] = [await compose(['ps', 'gateway']), await compose(['logs', '--tail', '60', 'gateway'])]
    throw new Error(`${error.message}\nlast probe: ${last}\n${states.stdout}\n${log.stdout}\n${log.stderr}`)
  })
}
