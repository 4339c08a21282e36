import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { fakeEngine } from '../fixtures/fake-engine.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { manualClock } from '../fixtures/manual-clock.ts'
import { until } from '../fixtures/until.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

/** In one of the engine's networks; whose it is, the engine has yet to say. */
const NEWCOMER = '127.0.0.77'
/** Milliseconds, less than the gateway waits for that word. */
const PATIENCE_MS = 1_900

/** A gateway whose clock stands still, so that the engine's word is waited for until the test has it come, and an origin that greets by HTTP and by itself. */
async function setUp(t: Test, options: { front?: 'at-once' } = {}) {
  const origin = await listen((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'))
  })
  t.teardown(() => origin.close())
  const engine = await fakeEngine(t)
  engine.networks = [{ name: 'apps', subnets: ['127.0.0.0/24'] }]
  await engine.start()
  const clock = manualClock()
  const settings = {
    engine: { socket: `unix://${engine.path}` },
    containerRules: [{ match: { container: 'bad*' }, use: 'reject' }],
  }
  const started = await startTestGateway(t, settings, { clock, ...options })
  const { gateway, port } = started
  await until('the engine', () => gateway.containers.connected)
  const target = `127.0.0.1:${origin.port}`
  const wishes = {
    connect: `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
    get: `GET http://${target}/ HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
    socks: Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, origin.port >> 8, origin.port & 255]),
  }
  const ask = (wish: keyof typeof wishes) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: NEWCOMER }).on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.write(wishes[wish])
    return socket
  }
  /** The engine tells who it is. */
  const tell = async (name: string) => {
    engine.containers = [{ name, networks: { apps: { ip: NEWCOMER } } }]
    engine.emit()
    await until('the engine’s word, and that it is heard', () => {
      const isKnown = gateway.containers.byAddress(NEWCOMER) !== undefined
      const isHeard = gateway.status().flows.every(({ container }) => container === name)
      if (isKnown && isHeard) return true
      if (clock.monotonic() < PATIENCE_MS) clock.advance(1)
      return false
    })
  }
  return { ...started, clock, ask, tell }
}

/** All that it is told until the end. */
async function told(socket: Socket): Promise<Buffer> {
  const said: Buffer[] = []
  socket.on('data', (chunk: Buffer) => said.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(said)
}

t.test('who waits for the engine’s word is shown, and at the end of a drain is told', async (t) => {
  const { gateway, ask, clock, flowCount } = await setUp(t)
  const answers = Promise.all([told(ask('connect')), told(ask('get')), told(ask('socks'))])
  await until('all wait', () => gateway.status().liveFlows === 3)
  t.match(gateway.status().flows, [{ route: 'deciding', client: /^127\.0\.0\.77:/ }])
  const drained = gateway.drain(1)
  clock.advance(1)
  t.equal(await drained, 3)
  const [tunnel, request, socks] = await answers
  t.match(tunnel.toString(), /^HTTP\/1\.1 503 [\s\S]*SHUTTING_DOWN/)
  t.match(request.toString(), /^HTTP\/1\.1 503 [\s\S]*SHUTTING_DOWN/)
  t.equal(socks.toString('hex'), `0500${'05010001000000000000'}`)
  t.match(
    await flowCount(3),
    Array.from({ length: 3 }, () => ({ ended: 'rejected', error: { code: 'SHUTTING_DOWN' }, durationMs: 1 })),
  )
})

t.test('a drain waits for the word, and for what comes of it', async (t) => {
  const { gateway, ask, tell, flowCount } = await setUp(t)
  const [served, leaving] = [ask('get'), ask('connect')]
  const answer = told(served)
  await until('both wait', () => gateway.status().liveFlows === 2)
  const drained = gateway.drain(60_000)
  leaving.resetAndDestroy()
  t.match(await flowCount(1), [{ ended: 'client-gone', error: { code: 'CLIENT_GONE' }, protocol: 'http-connect' }])
  await tell('good')
  t.match((await answer).toString(), /^HTTP\/1\.1 200 [\s\S]*hello$/)
  t.equal(await drained, 0)
  const [, line] = await flowCount(2)
  t.match(line, { status: 200, container: { name: 'good' } })
  t.ok(line!.decisionMs! > 0, 'the wait is part of it')
})

const skip = process.platform !== 'linux' && 'on Linux only'
for (const [where, options, skip_] of [
  ['at the door', {}, false],
  ['in the front', { front: 'at-once' }, skip],
] as const) {
  t.test(`a client that leaves meanwhile leaves one line at once: ${where}`, { skip: skip_ }, async (t) => {
    const { gateway, ask, tell, flowCount } = await setUp(t, options)
    const clients = [ask('connect'), ask('get'), ask('socks')]
    await until('all wait', () => gateway.status().liveFlows === 3)
    for (const client of clients) client.resetAndDestroy()
    const gone = { ended: 'client-gone', error: { code: 'CLIENT_GONE' } }
    t.match(await flowCount(3), [gone, gone, gone])
    t.equal(gateway.status().liveFlows, 0)
    await tell('good')
    await once(ask('get'), 'data')
    t.equal((await flowCount(4)).length, 4)
  })
}
