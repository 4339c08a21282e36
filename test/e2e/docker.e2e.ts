import t from 'tap'
import type { FlowLine } from '../../src/observe/flow-line.ts'
import { startGateway } from './harness/gateway.ts'
import { CORP, CORP_ITSELF, GATEWAY_FOR_CORP } from './harness/lab.ts'
import { startDante } from './harness/peers/dante.ts'
import { startEngine } from './harness/peers/engine.ts'
import { type Registry, startRegistry } from './harness/peers/registry.ts'
import { startSquid } from './harness/peers/squid.ts'
import { fillRegistry, makeImage } from './harness/peers/test-image.ts'
import { joinScenario } from './harness/scenario.ts'

// The main job: a real Docker engine on a host with no way out but the gateway pulls and pushes real images, over the upstream that a PAC
// file picks for each registry. Each pull is proved three times: by the upstream's log, by the registry's, and by the flow log.

/** A refused pull must say so, not wait: the engine's own reply included. */
const REFUSED_WITHIN_MS = 1_000

const scenario = await joinScenario(t)
/** Slow enough to be stopped in the middle of a layer, fast enough for the small images. */
const SQUID_BYTES_PER_SECOND = 3 * 1024 * 1024
const LAYER_BYTES = 16 * 1024 * 1024

const squid = await startSquid(scenario, { bytesPerSecond: SQUID_BYTES_PER_SECOND })
const dante = await startDante(scenario)
const overDante = await startRegistry(scenario, 'registry-a.test', { tls: true })
const overSquid = await startRegistry(scenario, 'registry-b.test', { tls: false })
const direct = await startRegistry(scenario, 'registry-c.test', { tls: true })
const cutOff = await startRegistry(scenario, 'registry-d.test', { tls: true })
const rejected = await startRegistry(scenario, 'registry-e.test', { tls: true })

const image = makeImage(scenario)
for (const registry of [overDante, overSquid, direct, rejected])
  await fillRegistry(scenario, image, `${registry.authority}/box:1`)

const pac = `function FindProxyForURL(url, host) {
  if (host === 'registry-a.test') return 'SOCKS5 dante.corp.test:${dante.port}'
  if (host === 'registry-b.test' || host === 'registry-d.test') return 'PROXY squid.corp.test:${squid.port}; SOCKS5 dante.corp.test:${dante.port}'
  if (host === 'registry-c.test') return 'DIRECT'
  return 'PROXY reject.docker.internal:1'
}`
const policy = { containersProxy: { mode: 'manual', embeddedPac: pac } }
const gateway = await startGateway(scenario, policy)
const engine = await startEngine(scenario, {
  proxy: `http://http.docker.internal:${gateway.guest.port}`,
  clear: [overSquid.authority],
})

const SQUID = `http://squid.corp.test:${squid.port}`
const DANTE = `socks5://dante.corp.test:${dante.port}`
const WAYS = [
  {
    title: 'with TLS, over dante',
    registry: overDante,
    route: DANTE,
    from: CORP['dante.corp.test'],
    upstream: dante,
  },
  {
    title: 'in clear, over squid',
    registry: overSquid,
    route: SQUID,
    from: CORP['squid.corp.test'],
    upstream: squid,
  },
  { title: 'with TLS, direct', registry: direct, route: 'direct', from: GATEWAY_FOR_CORP, upstream: undefined },
] as const

await t.test('without the gateway there is no way out', async (t) => {
  for (const address of new Set(Object.values(CORP))) {
    const done = await scenario.run('guest', ['ip', 'route', 'get', address])
    t.not(done.code, 0, address)
  }
})

for (const { title, registry, route, from, upstream } of WAYS) {
  await t.test(`docker pull from a registry ${title}`, async (t) => {
    const flowsBefore = gateway.flows().length
    const upstreamBefore = upstream?.log().length ?? 0
    const registryBefore = registry.log().length
    const reference = `${registry.authority}/box:1`
    const pull = await engine.docker('pull', reference)
    t.equal(pull.code, 0, pull.stderr)
    t.match(pull.stdout, `Downloaded newer image for ${reference}`)
    const container = await engine.docker('run', '--rm', '--network=none', reference)
    t.equal(container.stdout.trim(), image.message, 'the image runs, and is the one made for this run')

    t.same(await askedFrom(registry, registryBefore), [from], 'the registry was asked from the right address only')
    if (upstream) {
      const [name, port] = registry.authority.split(':')
      const asked = new RegExp(`(${name}|${CORP[name as keyof typeof CORP]})[.:]${port}`.replaceAll('-', '\\-'))
      await upstream.running.until('line about the registry', () => asked.test(upstream.log().slice(upstreamBefore)))
      t.pass('the upstream’s own log shows it')
    }
    await gateway.flow(registry.authority, (line) => line.target === registry.authority)
    const lines = gateway
      .flows()
      .slice(flowsBefore)
      .filter((line) => line.target === registry.authority)
    t.ok(lines.length > 0)
    for (const line of lines) {
      t.equal(line.route, route)
      t.match(line, { scope: 'containers', because: { source: 'pac' } })
      t.match(line.client, /^10\.77\.1\.2:/)
    }
    await engine.docker('image', 'rm', reference)
  })
}

await t.test('docker pull from a registry that the PAC file rejects', async (t) => {
  const before = rejected.log().length
  const pull = await engine.docker('pull', `${rejected.authority}/box:1`)
  t.not(pull.code, 0)
  t.ok(pull.ms < REFUSED_WITHIN_MS, `says so in ${Math.round(pull.ms)} ms`)
  t.match(pull.stderr, rejected.authority.split(':')[0]!, 'names the registry')
  t.match(pull.stderr, /reject/i, 'and says that it was rejected')
  t.match(pull.stderr, /PAC|policy/i, 'by what')
  t.equal(sources(rejected, before).length, 0, 'nothing reached the registry')
  const line = await gateway.flow('the rejected pull', (flow) => flow.target === rejected.authority)
  t.match(line, { decision: 'reject', ended: 'rejected', error: { code: 'POLICY_REJECTED' } })
})

await t.test('docker push', async (t) => {
  await engine.docker('pull', `${direct.authority}/box:1`)
  for (const { registry, from } of WAYS) {
    const before = registry.log().length
    const reference = `${registry.authority}/pushed:1`
    await engine.docker('tag', `${direct.authority}/box:1`, reference)
    const push = await engine.docker('push', reference)
    t.equal(push.code, 0, push.stderr)
    t.same(await askedFrom(registry, before), [from], reference)
    const inspect = await scenario.run('corp', ['skopeo', 'inspect', '--tls-verify=false', `docker://${reference}`])
    t.equal(inspect.code, 0, `the registry has it: ${inspect.stderr}`)
    await engine.docker('image', 'rm', reference)
  }
})

await t.test('SIGHUP while a large image is being pulled', async (t) => {
  const large = makeImage(scenario, 32 * 1024 * 1024)
  const reference = `${overDante.authority}/large:1`
  await fillRegistry(scenario, large, reference)
  const before = overDante.log().length
  let pulled = false
  let reloads = 0
  const pulling = engine.docker('pull', reference).finally(() => {
    pulled = true
  })
  await askedFrom(overDante, before)
  for (; !pulled; reloads++) await gateway.reload({ ...policy, proxy: { mode: reloads % 2 ? 'none' : 'system' } })
  const pull = await pulling
  t.equal(pull.code, 0, pull.stderr)
  t.ok(reloads > 0, `${reloads} reloads while it was pulled`)
  t.equal((await engine.docker('run', '--rm', '--network=none', reference)).stdout.trim(), large.message)
})

await t.test('squid stopped in the middle of a layer: the next candidate serves the rest', async (t) => {
  const large = makeImage(scenario, LAYER_BYTES)
  const reference = `${cutOff.authority}/large:1`
  await fillRegistry(scenario, large, reference)
  const before = cutOff.log().length
  const skip = gateway.flows().length
  const pulling = engine.docker('pull', reference)
  await gateway.running.until('a layer on its way', async () => {
    const { flows } = await gateway.status()
    return flows.some((flow) => flow.target === cutOff.authority && flow.bytesDown > 1024 * 1024)
  })
  await squid.running.stop()
  const pull = await pulling
  t.equal(pull.code, 0, pull.stderr)
  t.equal((await engine.docker('run', '--rm', '--network=none', reference)).stdout.trim(), large.message)
  t.same(
    (await askedFrom(cutOff, before)).sort(),
    [CORP['squid.corp.test'], CORP['dante.corp.test']],
    'first squid, then dante',
  )
  const ofPull = (line: FlowLine) => line.target === cutOff.authority
  // An upstream that stops may end its tunnels in good order: what shows the cut is what did not come.
  const isCut = (line: FlowLine) => ofPull(line) && line.bytesDown > 1024 * 1024
  const cut = await gateway.flow('the layer that was cut', isCut, skip)
  t.equal(cut.route, SQUID)
  t.ok(cut.bytesDown < LAYER_BYTES, `squid delivered ${cut.bytesDown} bytes of more than ${LAYER_BYTES}`)
  const rest = await gateway.flow('the rest', (line) => ofPull(line) && line.route === DANTE, skip)
  t.match(
    rest.failedAttempts?.[0] ?? {},
    { route: SQUID, code: 'CONNECT_REFUSED' },
    'and why the next candidate was taken',
  )
})

await t.test('squid still down: a registry in clear is served by the next candidate', async (t) => {
  const image = makeImage(scenario)
  const reference = `${overSquid.authority}/later:1`
  await fillRegistry(scenario, image, reference)
  const before = overSquid.log().length
  const pull = await engine.docker('pull', reference)
  t.equal(pull.code, 0, pull.stderr)
  t.same(await askedFrom(overSquid, before), [CORP['dante.corp.test']], 'dante took over')
  t.equal((await engine.docker('run', '--rm', '--network=none', reference)).stdout.trim(), image.message)
})

await t.test('both upstreams down: the pull says which', async (t) => {
  await dante.running.stop()
  const pull = await engine.docker('pull', `${overDante.authority}/box:1`)
  t.not(pull.code, 0)
  t.match(pull.stderr, 'dante.corp.test', 'the engine’s message names the hop')
  t.match(pull.stderr, /refused/i, 'and what it said')
})

/** The addresses that asked a registry since its log had `start` characters, corp's own (from which it is filled) left out. */
function sources(registry: Registry, start: number): string[] {
  const lines = registry
    .log()
    .slice(start)
    .matchAll(/^([\d.]+) - - \[/gm)
  return [...new Set([...lines].map((match) => match[1]!))].filter((address) => address !== CORP_ITSELF)
}

/** The same, as soon as there are any: a registry writes its log a moment after it has answered. */
function askedFrom(registry: Registry, start: number): Promise<string[]> {
  return registry.running.until('line about the pull', () => {
    const found = sources(registry, start)
    return found.length > 0 && found
  })
}
