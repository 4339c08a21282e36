import type { Socket } from 'node:net'
import t from 'tap'
import { lastRead } from '../../fixtures/last-read.ts'
import { until } from '../../fixtures/until.ts'
import { answerEachHead } from './recording-origin.ts'
import { startRig } from './rig.ts'

const WS =
  'GET http://a.test/chat HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n\r\n'
const SWITCH =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: xyz\r\n\r\n'
const GET = 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

t.test('an Upgrade becomes a tunnel when the origin switches', async (t) => {
  const rig = await startRig(t)
  rig.origin.answers(`${SWITCH}first`)
  const client = rig.client().send(WS)
  const answer = await client.gets('first')
  t.match(
    answer,
    /^HTTP\/1\.1 101 Switching Protocols\r\nSec-WebSocket-Accept: xyz\r\nVia: [^\n]*\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\nfirst$/,
  )
  t.match(
    rig.origin.bytes,
    /^GET \/chat HTTP\/1\.1\r\nHost: a\.test\r\nSec-WebSocket-Key: abc\r\nVia: [^\n]*\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n$/,
  )
  client.send('ping')
  await rig.origin.gets('ping')
  client.socket.end()
  const origin = await rig.origin.connection()
  await until('the FIN arrives', () => origin.ended)
  origin.socket.end('bye')
  t.match(await client.toEnd(), /firstbye$/)
  await until('the exchange is recorded', () => rig.results.length === 1)
  t.match(rig.results[0], { status: 101, bytesUp: 4, bytesDown: 8, ended: 'finished' })
})

t.test('a client of such a tunnel that resets right behind its bytes has not ended in order', async (t) => {
  const rig = await startRig(t)
  rig.origin.answers(SWITCH)
  const client = rig.client().send(WS)
  await client.gets('101 Switching')
  const { socket } = await rig.origin.connection()
  const seen = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.on('end', () => resolve(lastRead(socket)))
  })
  client.send('half of a mess').socket.resetAndDestroy()
  t.equal(await seen, 'ECONNRESET')
  await until('the exchange is recorded', () => rig.results.length === 1)
  t.match(rig.results[0], { status: 101, ended: 'client-reset' })
})

t.test('and one that has sent FIN may stay', async (t) => {
  const rig = await startRig(t, { limits: { halfClosedMs: 20 } })
  rig.origin.answers(SWITCH)
  const client = rig.client()
  client.socket.end(Buffer.from(WS))
  await client.gets('101 Switching')
  const origin = await rig.origin.connection()
  await until('the FIN arrives', () => origin.ended)
  rig.origin.onData = () => {}
  const request = rig.client()
  request.socket.end('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await until('the client of a request that came later has been given up', () => request.socket.closed)
  origin.socket.end('the late answer')
  t.match(await client.toEnd(), /the late answer$/)
  await until('the exchange is recorded', () => rig.results.length === 2)
  t.match(rig.results[1], { status: 101, ended: 'finished' })
})

for (const ended of ['idle', 'lifetime', 'aborted'] as const) {
  t.test(`a tunnel of an Upgrade that ends as ${ended} is recorded as that`, async (t) => {
    const rig = await startRig(t, {
      async relay(client, upstream) {
        client.destroy()
        upstream.destroy()
        return { bytesUp: 0, bytesDown: 0, ended }
      },
    })
    rig.origin.answers(SWITCH)
    rig.client().send(WS)
    await until('the exchange is recorded', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 101, ended })
  })
}

t.test('behind an unanswered request it waits for its turn', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = ({ socket, bytes }) => {
    if (bytes.endsWith('\r\n\r\n')) socket.write(bytes.includes('/chat') ? SWITCH : OK)
    else socket.write('heard')
  }
  const client = rig.client().send(`${GET}${WS}ping`)
  t.match(await client.gets('heard'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*okHTTP\/1\.1 101 [\s\S]*\r\n\r\nheard$/)
  t.match(rig.origin.connections.at(-1)?.bytes, /^GET \/chat [\s\S]*\r\n\r\nping$/)
})

t.test('and is given the time of a request then, not that of a connection that is kept', async (t) => {
  const rig = await startRig(t, { limits: { idleMs: 60_000, keepAliveMs: 30_000 } })
  rig.origin.onData = ({ socket, bytes }) => {
    if (bytes.endsWith('\r\n\r\n') && !bytes.includes('/chat')) socket.write(OK)
  }
  rig.client().send(`${GET}${WS}`)
  await until('the Upgrade reaches the origin', () => rig.origin.bytes.includes('/chat'))
  t.equal(rig.taken[0]?.timeout, 60_000)
})

t.test('and so does one that is not taken up', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send(`${GET}${WS.replace('websocket', 'h2c')}${GET}`)
  t.match(await client.gets(/(?:HTTP\/1\.1 200 OK[\s\S]*?ok){3}$/), '200 OK')
  t.same(rig.origin.bytes.match(/^GET \S+/gm), ['GET /', 'GET /chat', 'GET /'])
})

t.test('also of a client that has sent FIN', async (t) => {
  const rig = await startRig(t)
  let held: Socket | undefined
  rig.origin.onData = ({ socket, bytes }) => {
    if (held === undefined && bytes.includes('/first')) held = socket
    else socket.write(OK)
  }
  const client = rig.client()
  client.socket.end(`${GET.replace('a.test/', 'a.test/first')}${WS.replace('websocket', 'h2c')}`)
  await until('the first request is under way, and the FIN', () => held !== undefined && client.socket.writableFinished)
  await rig.client().send(GET).gets(/ok$/) // in the turns of this one the FIN is read
  held?.write(OK)
  t.match(await client.toEnd(), /^(?:HTTP\/1\.1 200 OK[\s\S]*?ok){2}$/)
})

t.test('also behind more requests than are read ahead, and the connection goes on', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send(`${GET.repeat(40)}${WS.replace('websocket', 'h2c')}`)
  await until('all are answered', () => client.received.split('200 OK').length === 42)
  client.send(GET)
  await until('and the next one', () => client.received.split('200 OK').length === 43)
})

t.test(
  'tunnels of Upgrades, those that stand and those that are over, are none of the requests that wait',
  async (t) => {
    const rig = await startRig(t, { limits: { maxWaiting: 20 } })
    rig.origin.answers(SWITCH)
    for (let i = 0; i < 20; i++) {
      const client = rig.client().send(WS)
      await client.gets('101 Switching')
      if (i % 2 === 0) client.socket.resetAndDestroy()
    }
    await until('half of them are over', () => rig.results.length === 10)
    rig.origin.onData = answerEachHead()
    const client = rig.client().send(GET.repeat(20))
    await until('all are answered', () => client.received.split('200 OK').length === 21)
    t.same(rig.refused, [])
  },
)

t.test('through an HTTP proxy too it takes a tunnel', async (t) => {
  const rig = await startRig(t, { candidate: { hops: [{ kind: 'http', host: 'p.test', family: 0, port: 3128 }] } })
  rig.origin.answers(SWITCH)
  await rig.client().send(WS).gets('101 Switching')
  t.same(rig.dials, ['target a.test:80'])
})

t.test('any other answer is passed as it is', async (t) => {
  const rig = await startRig(t)
  rig.origin.answers(`HTTP/1.1 403 No\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`)
  const answer = await rig.talk(WS)
  t.match(answer, /^HTTP\/1\.1 403 No\r\nContent-Length: 300000\r\n[\s\S]*Connection: close\r\n/)
  t.equal(answer.length - answer.indexOf('\r\n\r\n'), 300_004)
})

t.test('a switch to something else is refused', async (t) => {
  const rig = await startRig(t)
  rig.origin.answers(SWITCH.replace('WebSocket\r\nSec', 'other\r\nSec'))
  t.match(
    await rig.talk(WS),
    /^HTTP\/1\.1 502 a\.test:80 was refused: its answer switches to a protocol that was not offered\r\n/,
  )
})

const IGNORED: ReadonlyArray<readonly [what: string, request: string]> = [
  [
    'h2c',
    'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n\r\n',
  ],
  [
    'with a body',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi',
  ],
  ['not nominated', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n'],
  ['in HTTP/1.0', 'GET http://a.test/ HTTP/1.0\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
]

t.test('some offers are not taken up, and the request goes on without them', async (t) => {
  for (const [what, request] of IGNORED) {
    const rig = await startRig(t)
    const client = rig.client().send(request)
    t.match(await client.gets('ok'), /^HTTP\/1\.1 200 OK/, what)
    t.notMatch(rig.origin.bytes, /upgrade|http2-settings/i, what)
    if (request.endsWith('hi')) t.match(rig.origin.bytes, /\r\n\r\nhi$/)
    rig.close()
  }
})

t.test('an Upgrade that is refused anyway gets the answer of an ordinary request', async (t) => {
  const rig = await startRig(t, { auth: { verify: () => false } })
  t.match(await rig.client().send(WS).gets('AUTH_REQUIRED'), /^HTTP\/1\.1 407 /)
  t.match(await rig.talk(WS.replace('Host: a.test', 'Host: b.test')), /^HTTP\/1\.1 400 the Host field says b\.test:80/)
})
