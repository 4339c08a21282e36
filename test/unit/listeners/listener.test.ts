import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import tls from 'node:tls'
import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { openListener } from '../../../src/listeners/listener.ts'
import { streamDescriptor } from '../../../src/system/stream-descriptor.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'
import { loopbackCertificate } from '../../fixtures/test-authority.ts'
import { until } from '../../fixtures/until.ts'

t.test('who comes from the front finds the limit too: others may have come meanwhile', async (t) => {
  const taken: number[] = []
  const refused: string[] = []
  const listener = await openListener({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    clock: systemClock,
    ...{ maxConnections: 2, firstByteMs: 5_000, tlsHandshakeMs: 5_000 },
    admits: () => true,
    onClient: (_, first) => taken.push(first.length),
    onRefused: (_, { code }) => refused.push(code),
  })
  t.teardown(() => {
    listener.close()
    listener.destroyConnections()
  })
  const pairs = await Promise.all([tcpPair(), tcpPair(), tcpPair(), tcpPair()])
  t.teardown(() => {
    for (const { far } of pairs) far.destroy()
  })
  const [a, b, c, d] = pairs
  for (const { near } of [a, b, c]) listener.adopt(near, Buffer.from('first'), 0)
  await once(c.far.resume(), 'end')
  t.same(refused, ['LIMIT_REACHED'])
  t.equal(taken.length, 2)
  t.equal(listener.connections, 2)
  a.near.destroy()
  await once(a.near, 'close')
  listener.adopt(d.near, Buffer.from('first'), 0)
  t.equal(taken.length, 3, 'and there is room again when one has gone')
})

t.test(
  'keep-alive: a client whose machine vanishes is noticed, and one that stalls is kept',
  { skip: process.platform !== 'linux' },
  async (t) => {
    const { keepsAlive, PATIENT } = await import('../../fixtures/keeps-alive.ts')
    const { cert, key } = await loopbackCertificate()
    for (const how of ['in clear', 'inside TLS', 'from the front'] as const) {
      let take = (_: Socket) => {}
      const taken = new Promise<Socket>((resolve) => {
        take = resolve
      })
      const listener = await openListener({
        address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
        clock: systemClock,
        ...{ maxConnections: 2, firstByteMs: 5_000, tlsHandshakeMs: 5_000 },
        ...(how === 'inside TLS' ? { tls: { cert, key } } : {}),
        admits: () => true,
        onClient: (socket) => take(socket),
        onRefused: () => {},
      })
      t.teardown(() => {
        listener.close()
        listener.destroyConnections()
      })
      const port = listener.address.kind === 'tcp' ? listener.address.port : 0
      if (how === 'from the front') {
        const { near, far } = await tcpPair()
        t.teardown(() => far.destroy())
        listener.adopt(near, Buffer.from('first'), 0)
      } else {
        const host = '127.0.0.1'
        const client =
          how === 'in clear' ? connect({ port, host }) : tls.connect({ port, host, rejectUnauthorized: false })
        client.on('error', () => {}).write('first')
        t.teardown(() => client.destroy())
      }
      t.same(keepsAlive(streamDescriptor(await taken)), PATIENT, how)
    }
  },
)

t.test(
  'who is in the TLS handshake is counted, served like the others though the listener is closed, and ended with them',
  async (t) => {
    const { cert, key } = await loopbackCertificate()
    const taken: number[] = []
    const refused: string[] = []
    const listener = await openListener({
      address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      clock: systemClock,
      ...{ maxConnections: 5, firstByteMs: 600_000, tlsHandshakeMs: 600_000, tls: { cert, key } },
      admits: () => true,
      onClient: (_, first) => taken.push(first.length),
      onRefused: (_, { message }) => refused.push(message),
    })
    const port = listener.address.kind === 'tcp' ? listener.address.port : 0
    const dial = async () => {
      const socket = connect({ port, host: '127.0.0.1' })
      t.teardown(() => socket.destroy())
      await once(socket, 'connect')
      return socket.on('error', () => {})
    }
    const inside = (socket: Socket) => {
      const client = tls.connect({ socket, rejectUnauthorized: false }).on('error', () => {})
      client.write('first')
      return client.resume()
    }
    t.teardown(() => {
      listener.close()
      listener.destroyConnections()
    })
    const [served, late, silent] = [await dial(), await dial(), await dial()]
    await until('all are counted', () => listener.connections === 3)
    inside(served)
    await until('one is served', () => taken.length === 1)
    t.equal(listener.connections, 3, 'and counted once')

    listener.close()
    const closed = once(late, 'close')
    inside(late)
    await until('who was there already is served', () => taken.length === 2)
    t.same(taken, [5, 5])
    t.equal(listener.connections, 3)

    const ended = [once(served, 'close'), closed, once(silent.resume(), 'close')]
    listener.destroyConnections()
    await Promise.all(ended)
    await until('all are gone', () => listener.connections === 0)
    t.same(refused, [], 'none of them has left, or done wrong')
  },
)

t.test('who hangs up in the TLS handshake gives its place back at once', async (t) => {
  const { cert, key } = await loopbackCertificate()
  const hello = await clientHello()
  const refused: string[] = []
  const listener = await openListener({
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    clock: systemClock,
    ...{ maxConnections: 1, firstByteMs: 600_000, tlsHandshakeMs: 600_000, tls: { cert, key } },
    admits: () => true,
    onClient: (socket) => void socket.on('end', () => setImmediate(() => socket.end('answer'))).resume(),
    onRefused: (_, { message }) => refused.push(message),
  })
  t.teardown(() => {
    listener.close()
    listener.destroyConnections()
  })
  const port = listener.address.kind === 'tcp' ? listener.address.port : 0
  const dial = async () => {
    const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    await until('it is counted', () => listener.connections === 1)
    return socket
  }
  const leave = async (socket: Socket) => {
    socket.end().resume()
    await until('its place is free', () => listener.connections === 0)
  }
  await leave(await dial())
  const halfWay = await dial()
  halfWay.write(hello.subarray(0, 20))
  await leave(halfWay)
  const answered = await dial()
  answered.write(hello)
  await once(answered, 'data')
  await leave(answered)
  t.same(refused, Array(3).fill('the client left during the TLS handshake'))

  const client = tls.connect({ socket: await dial(), rejectUnauthorized: false })
  const answer: Buffer[] = []
  client.on('data', (chunk: Buffer) => answer.push(chunk)).end('request')
  await once(client, 'close')
  t.equal(
    Buffer.concat(answer).toString(),
    'answer',
    'after it, the end of what the client sends is no end of the connection',
  )
})

/** The first that a TLS client says. */
async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const client = tls.connect({ port, host: '127.0.0.1' }).on('error', () => {})
  const [socket] = (await once(server, 'connection')) as [Socket]
  const [hello] = (await once(socket, 'data')) as [Buffer]
  client.destroy()
  socket.destroy()
  server.close()
  return hello
}
