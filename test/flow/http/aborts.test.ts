import type { Socket } from 'node:net'
import tls from 'node:tls'
import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { loopbackCertificate } from '../../fixtures/test-authority.ts'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const GET = 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'
const CONNECTS = 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n'

t.test('a client that resets aborts its request at the origin', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = () => {}
  const client = rig.client().send(GET)
  await rig.origin.gets('\r\n\r\n')
  client.socket.resetAndDestroy()
  const origin = await rig.origin.connection()
  await until('the origin is let go', () => origin.closed || origin.ended)
  await until('the exchange is recorded', () => rig.results.length === 1)
  t.match(rig.results[0], { status: 0, ended: 'client-reset', error: { code: 'CLIENT_GONE' } })
  await until('the door forgets it', () => rig.door.connections === 0)
})

t.test('a client that leaves in the middle of its body leaves an incomplete request', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = () => {}
  const client = rig
    .client()
    .send('POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
  await rig.origin.gets('hello')
  client.socket.destroy()
  const origin = await rig.origin.connection()
  await until('the origin is let go', () => origin.closed || origin.ended)
  t.notMatch(rig.origin.bytes, /\r\n0\r\n/)
})

t.test('a client that leaves in the middle of a download stops it', async (t) => {
  const rig = await startRig(t)
  rig.origin.answers('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nok')
  const client = rig.client().send(GET)
  await client.gets('ok')
  client.socket.destroy()
  const origin = await rig.origin.connection()
  const timer = setInterval(() => origin.socket.write('more'), 5)
  t.teardown(() => clearInterval(timer))
  await until('the origin is let go', () => origin.closed || origin.ended)
  await until('the exchange is recorded', () => rig.results.length === 1)
  t.match(rig.results[0], { status: 200, ended: 'client-reset' })
})

t.test('a client that resets right behind its request is gone, not waiting', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = () => {}
  const client = rig.client().send(GET.slice(0, 5))
  await until('the door has it', () => rig.door.connections === 1)
  client.send(GET.slice(5)).socket.resetAndDestroy()
  await until('the door forgets it', () => rig.door.connections === 0)
})

const hop = { host: 'proxy.test', family: 0, port: 3128 } as const
const overTls = {
  candidate: { hops: [{ ...hop, kind: 'https' }] },
  originTls: tls.createSecureContext(await loopbackCertificate()),
  wrap: (socket: Socket) => tls.connect({ socket, rejectUnauthorized: false }).pause(),
} as const
for (const [way, options] of [
  ['from the origin', {}],
  ['from a proxy', { candidate: { hops: [{ ...hop, kind: 'http' }] } }],
  ['from an HTTPS proxy', overTls],
] as const) {
  for (const version of ['1.1', '1.0']) {
    t.test(`an answer without a length ${way}, cut by a reset, never looks complete (HTTP/${version})`, async (t) => {
      const rig = await startRig(t, options)
      for (let round = 0; round < 10; round += 1) {
        rig.origin.answers('HTTP/1.1 200 OK\r\n\r\nthe first half of it', 'reset')
        const client = rig.client().send(GET.replace('HTTP/1.1', `HTTP/${version}`))
        t.equal(await client.ending(), 'reset')
        t.notMatch(client.received, /\r\n0\r\n/)
        await until('the exchange is recorded', () => rig.results.length === round + 1)
        t.match(rig.results[round], { status: 200, ended: 'upstream-reset', error: { code: 'CONNECT_RESET' } })
      }
    })

    t.test(`one that is complete is passed on as such (${way}, HTTP/${version})`, async (t) => {
      const rig = await startRig(t, options)
      rig.origin.answers('HTTP/1.1 200 OK\r\n\r\nthe whole of it', 'end')
      const client = rig.client().send(GET.replace('HTTP/1.1', `HTTP/${version}`))
      const all = version === '1.0' ? /the whole of it$/ : /the whole of it\r\n0\r\n\r\n$/
      t.match(await client.gets(all), all)
      await until('the exchange is recorded', () => rig.results.length === 1)
      t.match(rig.results[0], { status: 200, ended: 'finished' })
    })

    t.test(`and one that has a length survives a reset behind it (${way}, HTTP/${version})`, async (t) => {
      const rig = await startRig(t, options)
      rig.origin.answers('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nthe whole of it', 'reset')
      const client = rig.client().send(GET.replace('HTTP/1.1', `HTTP/${version}`))
      await client.gets(/the whole of it$/)
      await until('the exchange is recorded', () => rig.results.length === 1)
      t.match(rig.results[0], { status: 200, ended: 'finished' })
    })
  }
}

t.test('a client that has sent FIN still gets its answer', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = () => {}
  const client = rig.client().send(GET)
  client.socket.end()
  const origin = await rig.origin.connection()
  await rig.origin.gets('\r\n\r\n')
  origin.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate')
  t.match(await client.toEnd(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*late$/)
  await until('the door forgets it', () => rig.door.connections === 0)
})

t.test('but not for ever', async (t) => {
  const rig = await startRig(t, { limits: { halfClosedMs: 20 } })
  rig.origin.onData = () => {}
  const client = rig.client().send(GET)
  client.socket.end()
  await client.toEnd()
  const origin = await rig.origin.connection()
  await until('the origin is let go', () => origin.closed || origin.ended)
  t.equal(rig.door.connections, 0)
})

for (const [what, request] of [
  ['an answer', GET],
  ['an answer to an Upgrade', GET.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')],
] as const) {
  t.test(`nor in ${what} that has begun and in which nothing moves any more`, async (t) => {
    const rig = await startRig(t, { limits: { idleMs: 60_000 } })
    rig.origin.answers('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nok')
    const client = rig.client().send(request)
    client.socket.end()
    await client.gets(/ok$/)
    t.equal(rig.taken[0]?.timeout, 60_000)
    rig.taken[0]?.emit('timeout')
    await client.toEnd()
    const origin = await rig.origin.connection()
    await until('the origin is let go', () => origin.closed || origin.ended)
    await until('the door forgets it', () => rig.door.connections === 0)
    await until('the exchange is recorded', () => rig.results.length === 1)
    t.match(rig.results[0], {
      ...{ status: 200, ended: 'idle' },
      error: { code: 'LIMIT_REACHED', message: 'nothing has moved for 60 s' },
    })
  })
}

for (const [what, asked] of [
  ['an Upgrade', GET.replace('\r\n\r\n', '\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')],
  ['a CONNECT behind a request', `${GET}${CONNECTS}`],
] as const) {
  t.test(`nor for ${what} on a connection that was kept after a CONNECT without credentials`, async (t) => {
    const rig = await startRig(t, { auth: { verify: () => true }, limits: { idleMs: 60_000, keepAliveMs: 30_000 } })
    rig.origin.answers('HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nok')
    const client = rig.client().send(CONNECTS)
    await client.gets('AUTH_REQUIRED')
    client.send(asked.replaceAll('\r\n\r\n', `\r\nProxy-Authorization: Basic ${btoa('ann:secret')}\r\n\r\n`))
    await client.gets(/ok$/)
    t.equal(rig.taken[0]?.timeout, 60_000)
    rig.taken[0]?.emit('timeout')
    await client.toEnd()
    await until('the door forgets it', () => rig.door.connections === 0)
    await until('the exchange is recorded', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 200, ended: 'idle', error: { message: 'nothing has moved for 60 s' } })
  })
}

t.test('an origin that does not answer in time is a 504', async (t) => {
  const rig = await startRig(t, { limits: { responseHeadMs: 30 } })
  rig.origin.onData = () => {}
  const client = rig.client().send(GET)
  t.match(
    await client.gets('flow:'),
    /^HTTP\/1\.1 504 a\.test:80 did not answer within 0\.03 s\r\n[\s\S]*error=http_response_timeout/,
  )
  const origin = await rig.origin.connection()
  await until('the origin is let go', () => origin.closed || origin.ended)
})

t.test('a connection that died while idle is replaced once, for what may be repeated', async (t) => {
  const rig = await startRig(t)
  let requests = 0
  rig.origin.onData = ({ socket }) => {
    requests++
    if (requests === 2) socket.resetAndDestroy()
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  }
  const client = rig.client().send(GET)
  await client.gets('ok')
  client.send(GET)
  await client.gets(/ok[\s\S]*ok/)
  t.equal(requests, 3)
  t.equal(rig.origin.connections.length, 2)
})

t.test('a POST is not repeated', async (t) => {
  const rig = await startRig(t)
  let requests = 0
  rig.origin.onData = ({ socket }) => {
    requests++
    if (requests === 2) socket.resetAndDestroy()
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  }
  const client = rig.client().send(GET)
  await client.gets('ok')
  client.send('POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await client.gets('502 a.test:80 closed the connection without answering')
  t.equal(requests, 2)
})

t.test('an idle connection that the origin closes, or says something on, is not used again', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send(GET)
  await client.gets('ok')
  const first = await rig.origin.connection(0)
  first.socket.end()
  await until('the gateway closes too', () => first.closed)
  client.send(GET)
  await client.gets(/ok[\s\S]*ok/)
  const second = await rig.origin.connection(1)
  second.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
  await until('the gateway closes', () => second.closed || second.ended)
  client.send(GET)
  t.notMatch(await client.gets(/ok[\s\S]*ok[\s\S]*ok/), /poison/)
  t.equal(rig.origin.connections.length, 3)
})

t.test('a refusal by the middle keeps the connection', async (t) => {
  const rig = await startRig(t)
  rig.failWith = new GatewayError('POLICY_REJECTED', 'a.test is blocked by policy')
  const client = rig.client().send(GET)
  t.match(await client.gets('flow:   f1'), /^HTTP\/1\.1 403 a\.test is blocked by policy\r\n/)
  rig.failWith = undefined
  client.send(GET)
  await client.gets('200 OK')
})

t.test('slow heads get a 408, idle connections are closed, drain ends idle ones', async (t) => {
  const rig = await startRig(t, { limits: { headMs: 50, keepAliveMs: 50 } })
  t.match(
    await rig.talk('GET http://a.test/ HTTP/1.1\r\nHos'),
    /^HTTP\/1\.1 408 the request head did not arrive in time\r\n/,
  )
  const idle = rig.client().send(GET)
  await idle.gets('ok')
  await idle.toEnd()
  const second = rig.client().send(GET)
  await second.gets('ok')
  rig.door.drain()
  await second.toEnd()
  t.match(await rig.talk(GET), /\r\nConnection: close\r\n/)
  await until('nothing is left', () => rig.door.connections === 0)
})

t.test('a client that pipelines without reading holds little', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = () => {}
  const client = rig.client()
  client.send(GET.repeat(50_000))
  await rig.origin.gets('\r\n\r\n')
  t.equal(rig.origin.bytes.match(/GET /g)?.length, 1)
  t.equal(rig.flows.length, 1)
  // One chunk of 64 KiB has been read when reading stops; the rest waits in the kernel or in the client.
  const held = rig.door.statistics.httpRequestCount
  t.ok(held < 2500, `${held} heads held, of 50000`)
  await until('the event loop has turned many times', countdown(200))
  t.equal(rig.door.statistics.httpRequestCount, held, 'and no more are read')
})

t.test('many clients that pipeline deeply hold little together, and the others are served', async (t) => {
  const rig = await startRig(t, { limits: { maxWaiting: 1_000 } })
  const answer = rig.origin.onData
  rig.origin.onData = () => {}
  const bombs = Array.from({ length: 20 }, () => rig.client().send(GET.repeat(1_000)))
  await until('the excess is refused', () => rig.refused.length > 0 && bombs.filter((bomb) => bomb.error).length > 10)
  t.ok(rig.refused.every(({ code }) => code === 'LIMIT_REACHED'))
  t.ok(rig.refused.length < bombs.length, 'told once for each connection, and not for all of them')
  rig.origin.onData = answer
  const modest = rig.client().send(GET.repeat(5))
  await until('all five are answered', () => modest.received.split('200 OK').length === 6)
  for (const bomb of bombs) bomb.close()
  for (const { socket } of rig.origin.connections) socket.destroy()
  await until('nothing waits', () => rig.door.connections === 1)
  const deep = rig.client().send(GET.repeat(900))
  await until('a deep pipeline fits again', () => deep.received.split('200 OK').length === 901, 20_000)
})

t.test('hostile connections leave nothing behind', async (t) => {
  const rig = await startRig(t, { limits: { headMs: 200 } })
  const habits: readonly ((client: ReturnType<typeof rig.client>) => void)[] = [
    (client) => client.send('\x16\x03\x01'),
    (client) => client.send('GET '),
    (client) => client.send('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhe').socket.end(),
    (client) => client.send(CONNECTS).socket.resetAndDestroy(),
    (client) => client.send(GET.repeat(30)).socket.destroy(),
    (client) => client.send('\0'.repeat(1000)),
  ]
  for (let i = 0; i < 300; i++) habits[i % habits.length]!(rig.client())
  await until('the door has nothing left', () => rig.door.connections === 0)
  t.match(await rig.client().send(GET).gets('ok'), /200 OK/, 'and still serves')
})

function countdown(turns: number): () => boolean {
  let left = turns
  return () => --left < 0
}
