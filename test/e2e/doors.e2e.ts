import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { CURL_WAYS, curl, originAnswer, proxyUser, through } from './harness/clients/curl.ts'
import { openTunnel, type ProxyAddress, readAll, readLine, TUNNEL_KINDS } from './harness/clients/tunnel.ts'
import { webSocketEcho } from './harness/clients/web-socket.ts'
import { ENDS_WELL, type Gateway, startGateway } from './harness/gateway.ts'
import { CORP, CORP_IPV6, GATEWAY_FOR_CORP, GATEWAY_IPV6 } from './harness/lab.ts'
import { LATE_BYTES } from './harness/origins/made-up-bytes.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { AWKWARD_USER } from './harness/peers/peer.ts'
import { joinScenario } from './harness/scenario.ts'

// Every door with every client that can use it, straight to the origins, without and with credentials.

/** More than the buffers on the way hold. */
const REST_BYTES = 512 * 1024

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)

await t.test('without credentials', async (t) => {
  const gateway = await startGateway(scenario)
  await everyCurl(t, gateway)
  await everyTunnel(t, gateway)

  await t.test('by IPv6', async (t) => {
    const url = `http://[${CORP_IPV6['origin.test']}]:${origins.ports.http6}/`
    for (const way of ['http', 'socks5', 'socks5h'] as const) {
      const answer = originAnswer(await curl(scenario, [...through(way, gateway.mixed), url]))
      t.equal(answer.from, GATEWAY_IPV6, way)
    }
  })

  await t.test('a WebSocket over plain HTTP', async (t) => {
    const received = await webSocketEcho(gateway.mixed, `ws://origin.test:${origins.ports.http}/socket`, ['a', 'b'])
    t.same(received, [`hello ${GATEWAY_FOR_CORP}`, 'a', 'b'])
  })

  await t.test('one client connection for several requests', async (t) => {
    const url = origins.http()
    const done = await curl(scenario, [
      ...through('http', gateway.mixed),
      '-w',
      '%{num_connects}\n',
      '-o',
      '/dev/null',
      url,
      '-o',
      '/dev/null',
      url,
    ])
    t.equal(done.stdout, '1\n0\n', done.stderr)
  })

  await t.test('from the guest, through the door that is open to it', async (t) => {
    const answer = originAnswer(
      await curl(scenario, ['--proxy', `http://http.docker.internal:${gateway.guest.port}`, origins.http()], 'guest'),
    )
    t.equal(answer.from, GATEWAY_FOR_CORP)
    const line = await gateway.flow('the guest', (flow) => flow.client.startsWith('10.77.1.2:'))
    t.match(line, { scope: 'containers', decision: 'direct', route: 'direct', ended: 'finished' })
    t.match(line.door, `:${gateway.guest.port}`)
  })

  await t.test('what a client may not do', async (t) => {
    const metadata = await curl(scenario, [...through('http', gateway.mixed), '-i', 'http://169.254.169.254/latest/'])
    t.match(metadata.stdout, /^HTTP\/1\.1 403 /, 'cloud metadata')
    const itself = await curl(scenario, [
      ...through('http', gateway.mixed),
      '-i',
      `http://127.0.0.1:${gateway.mixed.port}/`,
    ])
    t.match(itself.stdout, /^HTTP\/1\.1 (403|508) /, 'the gateway itself')
    const loopback = [
      '--proxy',
      `http://http.docker.internal:${gateway.guest.port}`,
      '-i',
      `http://127.0.0.1:${origins.ports.http}/`,
    ]
    t.match(
      (await curl(scenario, loopback, 'guest')).stdout,
      /^HTTP\/1\.1 403 /,
      'the gateway’s loopback, from the guest',
    )
    const encrypted = await curl(scenario, [
      ...through('http', gateway.mixed),
      '-i',
      '--request-target',
      origins.https(),
      origins.http(),
    ])
    t.match(encrypted.stdout, /^HTTP\/1\.1 400 /, 'an https:// target in absolute-form')
  })

  await t.test('SIGTERM ends it with exit code 0', async (t) => {
    gateway.running.signal('SIGTERM')
    t.equal(await gateway.running.exited, 0)
  })
})

await t.test('with credentials', async (t) => {
  const gateway = await startGateway(scenario, {}, { users: { [AWKWARD_USER.name]: AWKWARD_USER.password } })
  const known: Gateway = { ...gateway, ...withUser(gateway, AWKWARD_USER) }
  await everyCurl(t, known)
  await everyTunnel(t, known)

  await t.test('a WebSocket over plain HTTP', async (t) => {
    t.same(await webSocketEcho(known.mixed, `ws://origin.test:${origins.ports.http}/socket`, []), [
      `hello ${GATEWAY_FOR_CORP}`,
    ])
  })

  for (const [title, user] of [
    ['no credentials', undefined],
    ['a wrong password', { name: AWKWARD_USER.name, password: 'wrong' }],
    ['an unknown user', { name: 'nobody', password: AWKWARD_USER.password }],
  ] as const) {
    await t.test(`${title}: refused`, async (t) => {
      const door = user ? { ...gateway.mixed, user } : gateway.mixed
      const plain = await curl(scenario, [...through('http', door), '-i', origins.http()])
      t.match(plain.stdout, /^HTTP\/1\.1 407 /)
      t.match(plain.stdout, /^proxy-authenticate: basic/im)
      const secure = await curl(scenario, [...through('http', door), origins.https()])
      t.match(secure.stderr, /407/)
      await t.rejects(openTunnel('socks5', door, origins.name, origins.ports.banner))
      await t.rejects(openTunnel('socks4a', door, origins.name, origins.ports.banner), 'SOCKS4 has no passwords')
    })
  }
  t.notMatch(gateway.running.stderr, AWKWARD_USER.password, 'no password in the log')
  await gateway.running.stop()
})

function withUser(gateway: Gateway, user: { name: string; password: string }) {
  return { mixed: { ...gateway.mixed, user }, tls: { ...gateway.tls, user }, unix: { ...gateway.unix, user } }
}

async function everyCurl(t: Test, gateway: Gateway): Promise<void> {
  for (const way of CURL_WAYS) {
    // SOCKS4 carries a user name and no password.
    if (gateway.mixed.user && way.startsWith('socks4')) continue
    await t.test(`curl by ${way}`, async (t) => {
      const door = way === 'https' ? gateway.tls : gateway.mixed
      for (const url of [origins.http('/x?y=z'), origins.https('/x?y=z')]) {
        const before = gateway.flows().length
        const answer = originAnswer(await curl(scenario, [...through(way, door), url]))
        t.equal(answer.from, GATEWAY_FOR_CORP, url)
        t.equal(answer.url, '/x?y=z')
        const target = url.replace(/^https?:\/\//, '').replace(/\/.*/, '')
        const fits = way === 'socks4' || way === 'socks5' ? target.replace(origins.name, CORP['origin.test']) : target
        const line = await gateway.flow(fits, (flow) => flow.target === fits, before)
        t.match(line, { decision: 'direct', route: 'direct', because: { source: 'mode-none' }, ended: ENDS_WELL })
        t.match(line.door, `:${door.port}`)
        t.equal(line.user, gateway.mixed.user?.name)
      }
    })
  }
  await t.test('curl by the UNIX socket', async (t) => {
    const answer = originAnswer(
      await curl(scenario, [
        '--proxy',
        `socks5h://localhost${gateway.unix.path}`,
        ...proxyUser(gateway.unix),
        origins.http(),
      ]),
    )
    t.equal(answer.from, GATEWAY_FOR_CORP)
  })
}

/** The raw client: each way of asking for a tunnel, at each door. */
async function everyTunnel(t: Test, gateway: Gateway): Promise<void> {
  const doors: readonly (readonly [string, ProxyAddress])[] = [
    ['the mixed port', gateway.mixed],
    ['TLS', gateway.tls],
    ['the UNIX socket', gateway.unix],
  ]
  for (const [title, door] of doors) {
    for (const kind of TUNNEL_KINDS) {
      if (door.user && kind.startsWith('socks4')) continue
      await t.test(`a raw ${kind} client at ${title}`, async (t) => {
        const host = kind === 'socks4' ? origins.address : origins.name
        const first = await openTunnel(kind, door, host, origins.ports.banner)
        t.equal(
          await readLine(first),
          `220 origin speaks first to ${GATEWAY_FOR_CORP}`,
          'what the server says first arrives',
        )
        first.destroy()
        const late = await openTunnel(kind, door, host, origins.ports.late)
        late.end('a question')
        const answer = await readAll(late)
        t.equal(answer.length - answer.indexOf('\n') - 1, LATE_BYTES, 'what the server says after our end arrives')
        const farewell = await openTunnel(kind, door, host, origins.ports.farewell)
        t.equal((await readAll(farewell)).toString(), '221 goodbye\r\n')
        const rest = randomBytes(REST_BYTES)
        farewell.end(rest)
        t.equal(await origins.heard(rest), GATEWAY_FOR_CORP, 'what we say after the server’s end arrives')
      })
    }
  }
}
