import { Socket } from 'node:net'
import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { until } from '../../fixtures/until.ts'
import { answerEachHead } from './recording-origin.ts'
import { type Rig, startRig } from './rig.ts'

const CONNECT = 'CONNECT registry.test:443 HTTP/1.1\r\nHost: registry.test:443\r\n\r\n'
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

t.test('a tunnel carries bytes both ways and keeps half-close', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = () => {}
  const client = rig.client().send(CONNECT)
  t.equal(await client.gets('\r\n\r\n'), ESTABLISHED)
  client.send('ping')
  await rig.origin.gets('ping')
  client.socket.end()
  const origin = await rig.origin.connection()
  await until('the FIN arrives', () => origin.ended)
  origin.socket.end('late reply')
  t.equal(await client.toEnd(), `${ESTABLISHED}late reply`)
  t.match(rig.flows[0], { id: 'f1', scheme: 'https', scope: 'host', client: { local: true, address: '127.0.0.1' } })
  await until('the door forgets it', () => rig.door.connections === 0)
})

t.test('bytes that come with the CONNECT, and a FIN with them, arrive in order', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = ({ socket, bytes }) => {
    if (bytes === 'early and late') socket.end('all there')
  }
  const client = rig.client().send(`${CONNECT}early `)
  client.send('and late')
  client.socket.end()
  t.equal(await client.toEnd(), `${ESTABLISHED}all there`)
})

t.test('a server that speaks first is heard', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send(CONNECT)
  const origin = await rig.origin.connection()
  origin.socket.write('220 hello\r\n')
  t.equal(await client.gets('hello\r\n'), `${ESTABLISHED}220 hello\r\n`)
})

t.test('Host may leave out the port, HTTP/1.0 may leave out Host, port 80 is http', async (t) => {
  const rig = await startRig(t)
  t.equal(await rig.client().send('CONNECT a.test:443 HTTP/1.1\r\nHost: A.test\r\n\r\n').gets('\r\n\r\n'), ESTABLISHED)
  t.equal(await rig.client().send('CONNECT a.test:80 HTTP/1.0\r\n\r\n').gets('\r\n\r\n'), ESTABLISHED)
  t.equal(
    await rig.client().send('CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n').gets('\r\n\r\n'),
    ESTABLISHED,
  )
  t.same(rig.dials, ['tunnel a.test:443', 'tunnel a.test:80', 'tunnel ::1:443'])
  t.same(
    rig.flows.map(({ scheme }) => scheme),
    ['https', 'http', 'https'],
  )
})

t.test('the socket handed over is as its acceptor had it', async (t) => {
  const rig = await startRig(t)
  const before = { names: new Set<string>(), own: new Set<string>() }
  const take = rig.door.take.bind(rig.door)
  let socket: Socket | undefined
  rig.door.take = (taken) => {
    socket = taken
    before.names = new Set(taken.eventNames().map(String))
    before.own = new Set(Object.keys(taken))
    take(taken)
  }
  await rig.client().send(CONNECT).gets('\r\n\r\n')
  const overridden = ['on', 'addListener', 'prependListener', 'setEncoding', 'destroySoon']
  t.same(
    overridden.filter((name) => methodOf(socket!, name) !== methodOf(Socket.prototype, name)),
    [],
    'no method of it is overridden',
  )
  t.notOk(socket!.timeout, 'no timeout')
  t.equal(socket!.listenerCount('timeout'), 0)
})

t.test('a refusal says in the status line which hop failed', async (t) => {
  const rig = await startRig(t)
  rig.failWith = new GatewayError('CONNECT_REFUSED', 'squid.corp:3128 refused the connection', {
    hop: { kind: 'http', host: 'squid.corp', port: 3128 },
    hint: 'Is the proxy running?',
  })
  const answer = await rig.talk(CONNECT)
  t.match(answer, /^HTTP\/1\.1 502 squid\.corp:3128 refused the connection\r\n/)
  t.match(answer, /Proxy-Status: fairlead; error=connection_refused; next-hop="http:\/\/squid\.corp:3128"; details="/)
  t.match(answer, /asked: {2}CONNECT registry\.test:443\n[\s\S]*try: {4}Is the proxy running\?\n[\s\S]*flow: {3}f1\n/)
  const json = await rig.talk(CONNECT.replace('\r\n\r\n', '\r\nAccept: application/json\r\n\r\n'))
  t.match(JSON.parse(json.slice(json.indexOf('\r\n\r\n') + 4)), {
    error: { code: 'CONNECT_REFUSED', status: 502, hop: { host: 'squid.corp' }, flow: 'f2' },
  })
})

t.test('a client that resets before its tunnel stands aborts the dial', async (t) => {
  const rig = await startRig(t)
  let aborted: unknown
  rig.onFlow = (_flow, signal) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        aborted = signal.reason
        resolve()
      })
    })
  const client = rig.client().send(CONNECT)
  await until('the flow begins', () => rig.flows.length === 1)
  client.socket.resetAndDestroy()
  await until('the dial is aborted', () => aborted !== undefined)
  t.match(aborted, { code: 'CLIENT_GONE' })
  await until('the door forgets it', () => rig.door.connections === 0)
})

t.test('closing the door ends what is waiting and what is relayed', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send(CONNECT)
  await client.gets('\r\n\r\n')
  rig.door.close()
  await client.toEnd()
  await until('nothing is left', () => rig.door.connections === 0)
  t.ok(true)
})

const GET = 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n'

t.test('CONNECT behind an unanswered request waits for its turn', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send(`${GET}${CONNECT}early`)
  t.match(
    await client.gets(ESTABLISHED),
    /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nokHTTP\/1\.1 200 Connection established/,
  )
  await rig.origin.gets('early', 1)
  t.same(rig.dials, ['target a.test:80', 'tunnel registry.test:443'])
  t.match(rig.results, [{ status: 200, ended: 'finished' }])
})

t.test('and behind answers that the client does not read yet', async (t) => {
  const rig = await startRig(t)
  const size = 200_000
  rig.origin.onData = answerEachHead(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`)
  const take = rig.door.take.bind(rig.door)
  let socket: Socket | undefined
  rig.door.take = (taken) => {
    socket = taken
    socket.cork() // the buffers of two kernels would hold megabytes of them
    take(taken)
  }
  const client = rig.client().send(GET)
  await until('the first answer is held up', () => socket?.writableNeedDrain === true)
  client.send(`${GET}${CONNECT}early`)
  await until('the CONNECT has been read', () => rig.door.statistics.connectRequestCount === 1)
  socket?.uncork()
  const all = await client.gets(ESTABLISHED)
  t.equal(all.split('x').length - 1, 2 * size)
  await rig.origin.gets('early', 1)
  client.send(' and late').socket.end()
  await goesOn(rig)
})

t.test('and behind more requests than are read ahead', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send(`${GET.repeat(40)}${CONNECT}early`)
  const all = await client.gets(ESTABLISHED)
  t.equal(all.split('200 OK').length, 41)
  await rig.origin.gets('early', 1)
  client.send(' and late').socket.end()
  await goesOn(rig)
})

t.test('a connection that is kept after a CONNECT without credentials goes on behind them too', async (t) => {
  const rig = await startRig(t, { auth: { verify: (user) => user === 'ann' } })
  const authorised = `Proxy-Authorization: Basic ${btoa('ann:secret')}\r\n\r\n`
  const get = GET.replace(/\r\n$/, authorised)
  const client = rig.client().send(`${get.repeat(40)}${CONNECT}`)
  t.equal((await client.gets('AUTH_REQUIRED')).split('200 OK').length, 41)
  client.send(get)
  await until('it is answered', () => client.received.split('200 OK').length === 42)
})

for (const before of [1, 40]) {
  t.test(`a client that leaves while its CONNECT waits behind ${before} ends all`, async (t) => {
    const rig = await startRig(t)
    rig.origin.onData = () => {}
    const client = rig.client().send(`${GET.repeat(before)}${CONNECT}`)
    await rig.origin.gets('\r\n\r\n')
    client.socket.resetAndDestroy()
    await until('the door forgets it', () => rig.door.connections === 0)
    await until('the exchange is recorded', () => rig.results.length === 1)
    t.same(rig.dials, ['target a.test:80'])
  })
}

t.test('and one whose answer before it never comes is not waited for without limit', async (t) => {
  const rig = await startRig(t, { limits: { idleMs: 50 } })
  rig.origin.onData = () => {}
  await rig.client().send(`${GET}${CONNECT}`).toEnd()
  await until('the door forgets it', () => rig.door.connections === 0)
  t.notMatch(rig.dials, [/tunnel/])
})

t.test('CONNECT behind an answer that is the last of its connection is not carried out', async (t) => {
  const rig = await startRig(t)
  rig.origin.onData = () => {}
  const client = rig.client().send(`${GET}${CONNECT}`)
  const origin = await rig.origin.connection()
  await rig.origin.gets('\r\n\r\n')
  rig.door.drain()
  origin.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  t.match(await client.toEnd(), /Connection: close\r\n[\s\S]*ok$/)
  t.same(rig.dials, ['target a.test:80'])
})

t.test('CONNECT after an answered request works', async (t) => {
  const rig = await startRig(t)
  const client = rig.client().send('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await client.gets('ok')
  client.send(CONNECT)
  await client.gets(ESTABLISHED)
  t.equal(rig.dials.at(-1), 'tunnel registry.test:443')
})

/** What the client sends once the tunnel stands arrives behind what came with its CONNECT, and its FIN too. */
async function goesOn({ origin }: Rig): Promise<void> {
  const tunnel = await origin.connection(1)
  await until('what comes later arrives, and the FIN', () => tunnel.bytes === 'early and late' && tunnel.ended)
}

function methodOf(socket: object, name: string): unknown {
  return (socket as Record<string, unknown>)[name]
}
