import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { openConnect, openSocks5 } from '../fixtures/clients.ts'
import { everythingIsLoopback, startTestGateway } from '../fixtures/gateway.ts'
import { startGatewayProcess } from '../fixtures/gateway-process.ts'
import { readAll, readExactly } from '../fixtures/reading.ts'
import { until } from '../fixtures/until.ts'
import { listen, unusedPort } from '../fixtures/upstreams/listen.ts'
import { startEcho, startLateReply, startMute } from '../fixtures/upstreams/origins.ts'

const skip =
  process.platform !== 'linux'
    ? 'the front is for Linux'
    : process.env['FAIRLEAD_FAST_RELAY'] === 'off' && 'FAIRLEAD_FAST_RELAY=off switches the front off'

const options = { front: 'at-once', resolver: everythingIsLoopback } as const

t.test(
  'tunnels by address and by name, through each protocol, are the front’s, and logged as any other',
  { skip },
  async (t) => {
    const echo = await startEcho()
    t.teardown(() => echo.close())
    const gateway = await startTestGateway(t, {}, options)
    const viaConnect = await openConnect(gateway.port, `127.0.0.1:${echo.port}`)
    const viaSocks = await openSocks5(gateway.port, 'some.example', echo.port)
    t.same([viaConnect.status, viaSocks.reply], [200, 0])
    for (const { socket } of [viaConnect, viaSocks]) {
      socket.write('hello')
      t.equal(await readExactly(socket, 5), 'hello')
    }
    // The thread says later what it has done.
    await until('both stand', () => gateway.gateway.frontTunnels === 2)
    const known = () => gateway.gateway.status().flows
    await until('both are known', () => known().every(({ route, bytesDown }) => route === 'direct' && bytesDown === 5))
    t.match(gateway.gateway.status(), { liveFlows: 2, clientConnections: 2, flows: [{ bytesUp: 5, bytesDown: 5 }, {}] })
    for (const { socket } of [viaConnect, viaSocks]) socket.end().resume()
    const lines = await gateway.flowCount(2)
    for (const line of lines) {
      t.match(line, { decision: 'direct', route: 'direct', ended: 'finished', bytesUp: 5, bytesDown: 5, scope: 'host' })
      t.match(line.client, /^127\.0\.0\.1:\d+$/)
      t.ok(line.firstByteMs! <= line.durationMs! && line.dialMs! <= line.durationMs!, 'times are in order')
    }
    t.same(lines.map(({ protocol, target }) => `${protocol} ${target}`).sort(), [
      `http-connect 127.0.0.1:${echo.port}`,
      `socks5 some.example:${echo.port}`,
    ])
    t.match(gateway.gateway.status(), { liveFlows: 0, clientConnections: 0, totals: { flows: 2, bytesUp: 10 } })
  },
)

t.test('half-close, early bytes and a reset are passed on', { skip }, async (t) => {
  const late = await startLateReply()
  const echo = await startEcho()
  const resetting = await listen((socket) => void socket.once('data', () => socket.resetAndDestroy()))
  t.teardown(async () => {
    for (const origin of [late, echo, resetting]) await origin.close()
  })
  const gateway = await startTestGateway(t, {}, options)
  const half = await openConnect(gateway.port, `127.0.0.1:${late.port}`)
  half.socket.end('x'.repeat(300_000))
  t.equal((await readAll(half.socket)).toString(), 'got 300000 bytes')

  const eager = connect(gateway.port, '127.0.0.1')
  const authority = `127.0.0.1:${echo.port}`
  eager.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\nearly`)
  t.match(await readExactly(eager, 44), /^HTTP\/1\.1 200 [\s\S]*early$/)
  eager.destroy()

  const broken = await openConnect(gateway.port, `127.0.0.1:${resetting.port}`)
  const failed = once(broken.socket, 'error')
  broken.socket.resume().write('go')
  t.match(await failed, [{ code: 'ECONNRESET' }])
  const lines = await gateway.flowCount(3)
  t.ok(lines.some(({ ended }) => ended === 'upstream-reset'))
  await until('all have stood', () => gateway.gateway.frontTunnels === 3)
})

t.test('who must be refused, and what is no tunnel, has its answer from the door', { skip }, async (t) => {
  const gateway = await startTestGateway(t, { access: { deny: ['denied.example'] } }, options)
  const denied = await openConnect(gateway.port, 'denied.example:443')
  t.equal(denied.status, 403)
  const refused = await openSocks5(gateway.port, '127.0.0.1', await unusedPort())
  t.equal(refused.reply, 5, 'connection refused')
  t.match(
    (await gateway.flowCount(2)).map(({ error, ended }) => [error?.code, ended]),
    [
      ['ACCESS_DENIED', 'rejected'],
      ['CONNECT_REFUSED', 'rejected'],
    ],
    'one line each',
  )
  t.equal(gateway.gateway.frontTunnels, 0)
  denied.socket.destroy()
  refused.socket.destroy()
})

t.test('a gateway that can’t start ends, its thread included', { skip }, async (t) => {
  const taken = await startMute()
  t.teardown(() => taken.close())
  const settings = () => ({ listen: { mixed: `127.0.0.1:${taken.port}` }, status: { listen: 'off' } })
  await t.rejects(startGatewayProcess(t, settings), { message: /ended with 1/ })
})

t.test('too many clients are turned away', { skip }, async (t) => {
  const mute = await startMute()
  t.teardown(() => mute.close())
  const gateway = await startTestGateway(t, { limits: { connections: 1 } }, options)
  const { socket } = await openConnect(gateway.port, `127.0.0.1:${mute.port}`)
  const second = connect(gateway.port, '127.0.0.1')
  await once(second.on('error', () => {}).resume(), 'close')
  await until('it is told', () => gateway.lines.some(({ msg }) => msg === 'client refused'))
  socket.destroy()
})

t.test('silent tunnels end', { skip }, async (t) => {
  const mute = await startMute()
  t.teardown(() => mute.close())
  const gateway = await startTestGateway(t, { timeouts: { idle: '1s' } }, options)
  const { socket } = await openConnect(gateway.port, `127.0.0.1:${mute.port}`)
  const broken = once(socket, 'error')
  socket.resume()
  t.match(await broken, [{ code: 'ECONNRESET' }])
  t.match(await gateway.flowCount(1), [{ ended: 'idle' }])
})

t.test(
  'what comes together with the request is not lost: more than is read at once, and the end',
  { skip },
  async (t) => {
    const echo = await startEcho()
    const late = await startLateReply()
    t.teardown(() => Promise.all([echo.close(), late.close()]))
    const gateway = await startTestGateway(t, {}, options)
    /** A client that the front has accepted before it says anything. */
    const accepted = async (earlier: number) => {
      const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
      t.teardown(() => socket.destroy())
      await once(socket, 'connect')
      await until('it is accepted', () => gateway.gateway.status().clientConnections > earlier)
      return socket
    }
    const head = (port: number) => `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`

    const eager = await accepted(0)
    const early = 'x'.repeat(40_000)
    eager.write(head(echo.port) + early)
    t.match(await readExactly(eager, 39 + early.length), /^HTTP\/1\.1 200 [^x]*x{40000}$/)

    const brief = await accepted(1)
    brief.end(`${head(late.port)}hello`)
    t.match((await readAll(brief)).toString(), /^HTTP\/1\.1 200 [\s\S]*got 5 bytes$/)
    await until('it was the front', () => gateway.gateway.frontTunnels === 2)
  },
)
