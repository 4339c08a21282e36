import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { curl, originAnswer, through } from './harness/clients/curl.ts'
import { openTunnel, type ProxyAddress, readAll, readLine, type TunnelKind } from './harness/clients/tunnel.ts'
import { webSocketEcho } from './harness/clients/web-socket.ts'
import { ENDS_WELL, type Gateway, startGateway } from './harness/gateway.ts'
import { CORP_IPV6, ONLY_INSIDE } from './harness/lab.ts'
import { LATE_BYTES, madeUpBytes, sha256 } from './harness/origins/made-up-bytes.ts'
import { startOrigins } from './harness/origins/origins.ts'
import type { Peer } from './harness/peers/peer.ts'
import { UPSTREAMS, type Upstream } from './harness/peers/upstreams.ts'
import { joinScenario } from './harness/scenario.ts'

// Every kind of upstream, as a real program, with everything that a client may do through it.

/** More than the buffers on the way hold. */
const REST_BYTES = 512 * 1024
const LARGE_BYTES = 32 * 1024 * 1024
/** Of an upload that an upstream resets one time in four. */
const TRIES = 15

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const large = madeUpBytes(LARGE_BYTES)
const largeDigest = sha256(large)
const largeFile = join(scenario.lab.folder, 'large')
writeFileSync(largeFile, large)

for (const upstream of UPSTREAMS) {
  await t.test(upstream.title, async (t) => {
    const peer = await upstream.start(scenario)
    const url = peer.url(upstream.kind)
    const gateway = await startGateway(scenario, { proxy: { mode: 'manual', http: url, https: url } })
    await plainHttp(t, upstream, peer, gateway)
    await tunnels(t, upstream, peer, gateway)
    await largeTransfers(t, upstream, gateway)
    await names(t, upstream, gateway)
    if (upstream.leavesByIpv6) await ipv6(t, gateway)
    if (upstream.asksPassword) await passwords(t, upstream, peer, gateway)
    await gateway.running.stop()
    await peer.running.stop()
  })
}

async function plainHttp(t: Test, upstream: Upstream, peer: Peer, gateway: Gateway): Promise<void> {
  await t.test('plain HTTP', async (t) => {
    const answer = originAnswer(await curl(scenario, [...through('http', gateway.mixed), origins.http('/plain?a=1')]))
    if (!upstream.anyAddress) t.equal(answer.from, peer.address, 'the origin sees the upstream')
    t.equal(answer.url, '/plain?a=1')
    const fields = (answer.headers ?? []).map((text) => text.toLowerCase())
    t.notOk(fields.includes('proxy-authorization'), 'no credentials reach the origin')
    await routeIsLogged(t, upstream, peer, gateway, origins.ports.http)
  })
  await t.test('a WebSocket over plain HTTP', async (t) => {
    const received = await webSocketEcho(gateway.mixed, `ws://origin.test:${origins.ports.http}/socket`, ['one', 'two'])
    t.match(received[0], /^hello /)
    if (!upstream.anyAddress) t.equal(received[0], `hello ${peer.address}`)
    t.same(received.slice(1), ['one', 'two'])
  })
}

async function tunnels(t: Test, upstream: Upstream, peer: Peer, gateway: Gateway): Promise<void> {
  await t.test('HTTPS', async (t) => {
    const answer = originAnswer(await curl(scenario, [...through('http', gateway.mixed), origins.https('/secure')]))
    if (!upstream.anyAddress) t.equal(answer.from, peer.address, 'the origin sees the upstream')
    await routeIsLogged(t, upstream, peer, gateway, origins.ports.https)
  })
  const ways: readonly (readonly [string, TunnelKind, ProxyAddress])[] = [
    ['CONNECT', 'connect', gateway.mixed],
    ['SOCKS5', 'socks5', gateway.mixed],
    ['CONNECT inside TLS', 'connect', gateway.tls],
  ]
  for (const [title, kind, door] of ways) {
    await t.test(`${title}: what the server says first arrives`, async (t) => {
      const socket = await openTunnel(kind, door, origins.name, origins.ports.banner)
      t.match(await readLine(socket), /^220 origin speaks first/)
      socket.write('and echoes\n')
      t.equal(await readLine(socket), 'and echoes')
      socket.destroy()
    })
    await t.test(`${title}: the client ends first`, async (t) => {
      const socket = await openTunnel(kind, door, origins.name, origins.ports.late)
      const question = madeUpBytes(100_000)
      socket.end(question)
      if (!upstream.keepsHalfClose) {
        t.pass('the upstream itself loses what comes late; the tunnel ends')
        return void (await readAll(socket).catch(() => undefined))
      }
      const answer = await readAll(socket)
      const end = answer.indexOf('\n') + 1
      const { length, sha256: digest } = JSON.parse(answer.subarray(0, end).toString())
      t.same({ length, digest }, { length: question.length, digest: sha256(question) }, 'all of the question arrives')
      t.ok(answer.subarray(end).equals(madeUpBytes(LATE_BYTES)), 'all of the late answer arrives')
    })
    if (upstream.keepsHalfClose) {
      await t.test(`${title}: the server ends first`, async (t) => {
        const socket = await openTunnel(kind, door, origins.name, origins.ports.farewell)
        t.equal((await readAll(socket)).toString(), '221 goodbye\r\n')
        const rest = randomBytes(REST_BYTES)
        socket.end(rest)
        const from = await origins.heard(rest)
        if (!upstream.anyAddress) t.equal(from, peer.address, 'all of what the client still says arrives')
      })
    }
  }
}

async function largeTransfers(t: Test, upstream: Upstream, gateway: Gateway): Promise<void> {
  for (const [title, base] of [
    ['plain HTTP', origins.http()],
    ['a tunnel', origins.https()],
  ] as const) {
    await t.test(`32 MiB each way by ${title}`, async (t) => {
      const file = join(scenario.lab.folder, 'got')
      const door = through('http', gateway.mixed)
      const got = await curl(scenario, [
        ...door,
        '--output',
        file,
        '-w',
        '%{http_code} %{size_download}',
        `${base}bytes?length=${LARGE_BYTES}`,
      ])
      t.same([got.code, got.stdout], [0, `200 ${LARGE_BYTES}`], `down: ${got.stderr}`)
      const digest = await scenario.run('gateway', ['sha256sum', file])
      t.equal(digest.stdout.split(' ')[0], largeDigest, JSON.stringify(gateway.flows().at(-1)))
      const upload = () => curl(scenario, [...door, '--upload-file', largeFile, `${base}digest`])
      let done = await upload()
      // What the upstream itself resets is told as such, and sent again; what arrives is whole.
      for (let tries = 1; tries < TRIES && upstream.losesUploads && /CONNECT_RESET/.test(done.stdout); tries++)
        done = await upload()
      const sent = originAnswer(done)
      t.same([sent.length, sent.sha256], [LARGE_BYTES, largeDigest], 'up')
    })
  }
}

/** SOCKS4 has no names: Fairlead resolves for it. All others must be given the name, which only they can resolve. */
async function names(t: Test, upstream: Upstream, gateway: Gateway): Promise<void> {
  await t.test('a name that only the upstream can resolve', async (t) => {
    const done = await curl(scenario, [
      ...through('socks5h', gateway.mixed),
      `https://${ONLY_INSIDE}:${origins.ports.https}/`,
    ])
    if (upstream.kind === 'socks4') t.not(done.code, 0)
    else t.match(originAnswer(done).from, /^10\.77\.2\./)
  })
}

async function ipv6(t: Test, gateway: Gateway): Promise<void> {
  await t.test('an IPv6 address goes out as an address', async (t) => {
    const url = `http://[${CORP_IPV6['origin.test']}]:${origins.ports.http6}/`
    for (const way of ['http', 'socks5'] as const) {
      const answer = originAnswer(await curl(scenario, [...through(way, gateway.mixed), url]))
      t.equal(answer.from, CORP_IPV6['dante.corp.test'], way)
    }
  })
}

async function passwords(t: Test, upstream: Upstream, peer: Peer, gateway: Gateway): Promise<void> {
  await t.test('with a wrong password', async (t) => {
    const wrong = new URL(peer.url(upstream.kind))
    wrong.password = 'sesame-not-it'
    await gateway.reload({ proxy: { mode: 'manual', http: wrong.href, https: wrong.href } })
    const secure = await curl(scenario, [...through('http', gateway.mixed), origins.https()])
    t.not(secure.code, 0)
    t.match(secure.stderr, /502/, 'CONNECT is answered 502')
    const plain = await curl(scenario, [...through('http', gateway.mixed), '-i', origins.http()])
    t.match(plain.stdout, /^HTTP\/1\.1 502 /, 'and so is a plain request, whatever status the proxy chose')
    t.match(plain.stdout, peer.name, 'which names the upstream')
    t.notMatch(plain.stdout, /^proxy-authenticate:/im, 'and does not ask the client for the upstream’s password')
    const said = plain.stdout + secure.stderr + gateway.running.stderr
    t.notMatch(said, 'sesame-not-it', 'no password is shown')
    t.notMatch(said, Buffer.from(`${decodeURIComponent(wrong.username)}:sesame-not-it`).toString('base64'))
  })
  await t.test('the right password is in no log', async (t) => {
    t.notMatch(gateway.running.stderr + gateway.running.stdout, peer.user!.password)
    t.notMatch(gateway.running.stderr + gateway.running.stdout, encodeURIComponent(peer.user!.password))
  })
}

async function routeIsLogged(t: Test, upstream: Upstream, peer: Peer, gateway: Gateway, port: number): Promise<void> {
  const target = `${origins.name}:${port}`
  const line = await gateway.flow(target, (flow) => flow.target === target)
  t.equal(line.route, `${upstream.kind}://${peer.name}:${peer.port}`, 'the flow log names the upstream')
  t.match(line, { decision: 'proxy', ended: ENDS_WELL, because: { source: 'manual' } })
}
