import { randomBytes } from 'node:crypto'
import t from 'tap'
import { curl, originAnswer, through } from './harness/clients/curl.ts'
import { openTunnel, readAll, readLine } from './harness/clients/tunnel.ts'
import { webSocketEcho } from './harness/clients/web-socket.ts'
import { startGateway } from './harness/gateway.ts'
import { LATE_BYTES, madeUpBytes } from './harness/origins/made-up-bytes.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startApache } from './harness/peers/apache.ts'
import { startDante } from './harness/peers/dante.ts'
import { startMicrosocks } from './harness/peers/microsocks.ts'
import { AWKWARD_USER } from './harness/peers/peer.ts'
import { startSquid } from './harness/peers/squid.ts'
import { startTinyproxy } from './harness/peers/tinyproxy.ts'
import { joinScenario } from './harness/scenario.ts'

// Chains of different hops: each hop logs that it was asked for the next one, the origin sees the last.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const squid = await startSquid(scenario, { user: AWKWARD_USER })
const apache = await startApache(scenario, { tls: true, user: AWKWARD_USER })
const tinyproxy = await startTinyproxy(scenario)
const dante = await startDante(scenario, { password: true })
const microsocks = await startMicrosocks(scenario, { user: AWKWARD_USER })

const hop = {
  squid: { peer: squid, kind: 'http' },
  apache: { peer: apache, kind: 'https' },
  tinyproxy: { peer: tinyproxy, kind: 'http' },
  dante: { peer: dante, kind: 'socks5h' },
  microsocks: { peer: microsocks, kind: 'socks5' },
} as const
type HopName = keyof typeof hop

const CHAINS: readonly (readonly [HopName, ...HopName[]])[] = [
  ['squid', 'dante'],
  ['dante', 'squid'],
  ['apache', 'dante'],
  ['dante', 'apache'],
  ['microsocks', 'tinyproxy'],
  ['apache', 'dante', 'tinyproxy'],
  ['dante', 'apache', 'microsocks'],
  ['squid', 'microsocks', 'apache'],
]
/** More than the buffers on the way hold. */
const REST_BYTES = 512 * 1024
const KEEPS_HALF_CLOSE: readonly HopName[] = ['apache', 'dante']

for (const chain of CHAINS) {
  await t.test(chain.join(' → '), async (t) => {
    const hops = chain.map((name) => hop[name])
    const last = hops.at(-1)!
    const urls = hops.map(({ peer, kind }) => peer.url(kind))
    const gateway = await startGateway(scenario, {
      upstreams: { corp: urls },
      proxy: { mode: 'manual', http: 'corp', https: 'corp' },
    })
    const asked = hops
      .slice(0, -1)
      .map(({ peer }, index) => ({ peer, next: hops[index + 1]!.peer, before: peer.log().length }))

    await t.test('plain HTTP and HTTPS', async (t) => {
      for (const url of [origins.http(), origins.https()]) {
        const answer = originAnswer(await curl(scenario, [...through('http', gateway.mixed), url]))
        t.equal(answer.from, last.peer.address, 'the origin sees the last hop')
      }
      const target = `${origins.name}:${origins.ports.https}`
      const line = await gateway.flow(target, (flow) => flow.target === target)
      const route = hops.map(({ peer, kind }) => `${kind}://${peer.name}:${peer.port}`).join(' > ')
      t.equal(line.route, route, 'the flow log names every hop in order')
    })

    await t.test('what the server says first arrives', async (t) => {
      const socket = await openTunnel('socks5', gateway.mixed, origins.name, origins.ports.banner)
      t.match(await readLine(socket), `first to ${last.peer.address}`)
      socket.destroy()
    })

    if (chain.every((name) => KEEPS_HALF_CLOSE.includes(name))) {
      await t.test('half-close', async (t) => {
        const socket = await openTunnel('connect', gateway.mixed, origins.name, origins.ports.late)
        socket.end('a question')
        const answer = await readAll(socket)
        t.ok(answer.subarray(answer.indexOf('\n') + 1).equals(madeUpBytes(LATE_BYTES)), 'the client ends first')
        const farewell = await openTunnel('socks5', gateway.mixed, origins.name, origins.ports.farewell)
        await readAll(farewell)
        const rest = randomBytes(REST_BYTES)
        farewell.end(rest)
        t.equal(await origins.heard(rest), last.peer.address, 'the server ends first')
      })
    }

    await t.test('a WebSocket over plain HTTP', async (t) => {
      const url = `ws://origin.test:${origins.ports.http}/socket`
      t.same(await webSocketEcho(gateway.mixed, url, ['one']), [`hello ${last.peer.address}`, 'one'])
    })

    await gateway.running.stop()
    for (const { peer, next, before } of asked) {
      // Apache and squid log a tunnel when it has ended.
      const named = new RegExp(
        `${next.name.replaceAll('.', '\\.')}:${next.port}|${next.address.replaceAll('.', '\\.')}[.:]${next.port}`,
      )
      await peer.running.until(`line about ${next.name}`, () => named.test(peer.log().slice(before)))
      t.pass(`${peer.name} was asked for ${next.name}`)
    }
  })
}

await t.test('a chain whose second hop is down', async (t) => {
  await tinyproxy.running.stop()
  const urls = [squid.url('http'), tinyproxy.url('http')]
  const gateway = await startGateway(scenario, { proxy: { mode: 'manual', http: urls, https: urls } })
  const done = await curl(scenario, [...through('http', gateway.mixed), '-i', origins.http()])
  t.match(done.stdout, /^HTTP\/1\.1 502 /)
  t.match(done.stdout, tinyproxy.name, 'the answer names what could not be reached')
  t.match(done.stdout, squid.name, 'and who said so')
})
