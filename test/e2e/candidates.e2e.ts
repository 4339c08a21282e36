import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { curl, originAnswer, through } from './harness/clients/curl.ts'
import { openTunnel, Refused } from './harness/clients/tunnel.ts'
import { startGateway } from './harness/gateway.ts'
import { CORP, GATEWAY_FOR_CORP } from './harness/lab.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startDante } from './harness/peers/dante.ts'
import { peerFolder } from './harness/peers/peer.ts'
import { startSquid } from './harness/peers/squid.ts'
import { startTinyproxy } from './harness/peers/tinyproxy.ts'
import { takePort } from './harness/ports.ts'
import { joinScenario } from './harness/scenario.ts'

// What clients are told when something on the way is wrong, and what happens to the next candidate.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)

await t.test('a PAC file with candidates in order', async (t) => {
  const squid = await startSquid(scenario)
  const dante = await startDante(scenario)
  const pac = join(peerFolder(scenario, 'pac'), 'proxy.pac')
  const candidates = `PROXY squid.corp.test:${squid.port}; SOCKS5 dante.corp.test:${dante.port}; DIRECT`
  writeFileSync(pac, `function FindProxyForURL(url, host) { return ${JSON.stringify(candidates)} }`)
  const gateway = await startGateway(scenario, { proxy: { mode: 'manual', pac } })
  const from = async (path: string) =>
    originAnswer(await curl(scenario, [...through('http', gateway.mixed), origins.https(path)])).from

  t.equal(await from('/1'), CORP['squid.corp.test'], 'the first')
  await squid.running.stop()
  t.equal(await from('/2'), CORP['dante.corp.test'], 'the second, when the first is down')
  await dante.running.stop()
  t.equal(await from('/3'), GATEWAY_FOR_CORP, 'the last, when both are down')
  await gateway.running.stop()
})

await t.test('an upstream that accepts and never answers', async (t) => {
  const silent = createServer({ pauseOnConnect: true }, () => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  const gateway = await startGateway(scenario, {
    proxy: { mode: 'manual', https: `http://127.0.0.1:${port}` },
    timeouts: { dial: '2s', attempt: '1s', handshake: '500ms' },
  })
  const done = await curl(scenario, [...through('http', gateway.mixed), origins.https()])
  t.match(done.stderr, /50[24]/)
  t.ok(done.ms < 20_000, `says so in ${Math.round(done.ms)} ms`)
  await gateway.running.stop()
})

await t.test('SOCKS5 reply codes tell failures apart (RFC 1928 §6)', async (t) => {
  const gateway = await startGateway(scenario, { access: { deny: ['10.77.2.99'] } })
  const reply = async (host: string, port: number) => {
    try {
      ;(await openTunnel('socks5', gateway.mixed, host, port)).destroy()
      return 'connected'
    } catch (error) {
      return error instanceof Refused ? error.said : String(error)
    }
  }
  t.equal(await reply(origins.name, origins.ports.banner), 'connected')
  t.equal(await reply('10.77.2.99', 80), 'reply 2', 'not allowed')
  t.equal(await reply('192.0.2.1', 80), 'reply 3', 'network unreachable: there is no route')
  t.equal(await reply('no-such-name.test', 80), 'reply 4', 'a name that does not resolve')
  t.equal(await reply(origins.name, takePort()), 'reply 5', 'refused')
  await gateway.running.stop()
})

await t.test('what an upstream says about the target is passed on, not tried elsewhere', async (t) => {
  const tinyproxy = await startTinyproxy(scenario)
  const dead = takePort()
  const gateway = await startGateway(scenario, {
    proxy: { mode: 'manual', http: tinyproxy.url('http'), https: tinyproxy.url('http') },
  })
  const done = await curl(scenario, [...through('http', gateway.mixed), `https://origin.test:${dead}/`])
  t.match(done.stderr, /502|500|503|504/)
  const line = await gateway.flow('the refused target', (flow) => flow.target === `origin.test:${dead}`)
  t.match(line, { ended: 'rejected', error: { hop: { host: tinyproxy.name, port: tinyproxy.port } } })
  t.ok(line.error?.said, `in its own words: ${line.error?.said}`)
  await gateway.running.stop()
})

await t.test('an HTTPS proxy whose certificate nobody vouches for', async (t) => {
  const squid = await startSquid(scenario, { tls: true })
  const gateway = await startGateway(scenario, {
    trust: { ca: [] },
    proxy: { mode: 'manual', https: squid.url('https') },
  })
  const done = await curl(scenario, [...through('http', gateway.mixed), origins.https()])
  t.match(done.stderr, /502/)
  const line = await gateway.flow('the flow', (flow) => flow.ended === 'rejected')
  t.equal(line.error?.code, 'TLS_FAILED')
  t.match(line.error?.message ?? '', squid.name)
  await gateway.running.stop()
})

await t.test('manual with neither http nor https: what is not excluded is rejected', async (t) => {
  const gateway = await startGateway(scenario, { proxy: { mode: 'manual', exclude: ['origin.test'] } })
  t.equal(
    originAnswer(await curl(scenario, [...through('http', gateway.mixed), origins.http()])).from,
    GATEWAY_FOR_CORP,
  )
  const other = await curl(scenario, [
    ...through('http', gateway.mixed),
    '-i',
    `http://${CORP['origin.test']}:${origins.ports.http}/`,
  ])
  t.match(other.stdout, /^HTTP\/1\.1 403 /)
  const json = await curl(scenario, [
    ...through('http', gateway.mixed),
    '-H',
    'Accept: application/json',
    'http://elsewhere.test/',
  ])
  t.type(JSON.parse(json.stdout), 'object', 'and a machine is told in JSON')
  await gateway.running.stop()
})

await t.test('a bad settings file at reload leaves the running settings in force', async (t) => {
  const gateway = await startGateway(scenario)
  t.equal(
    originAnswer(await curl(scenario, [...through('http', gateway.mixed), origins.http()])).from,
    GATEWAY_FOR_CORP,
  )
  await gateway.reload({ proxy: { mode: 'sideways' } })
  t.equal(
    originAnswer(await curl(scenario, [...through('http', gateway.mixed), origins.http()])).from,
    GATEWAY_FOR_CORP,
  )
  await gateway.reload({ proxy: { mode: 'manual' } })
  t.match((await curl(scenario, [...through('http', gateway.mixed), '-i', origins.http()])).stdout, /^HTTP\/1\.1 403 /)
  await gateway.running.stop()
})
