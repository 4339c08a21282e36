import { once } from 'node:events'
import { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { until } from '../../fixtures/until.ts'
import type { RawClient } from './raw-client.ts'
import { type Rig, type RigOptions, startRig } from './rig.ts'

/** The ways whose requests are written differently: our own client to an origin, Node's to an HTTP proxy. */
const WAYS = [
  ['an origin', {}],
  ['a proxy', { candidate: { hops: [{ kind: 'http', host: 'squid.test', family: 0, port: 3128 }] } }],
] as const

const SIZE = 300_000
const head = (fields = '', size = SIZE) =>
  `POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nContent-Length: ${size}\r\n${fields}\r\n`
const accepted = (fields = '') => `HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n${fields}\r\nok`
const bodyLength = (bytes: string) => bytes.length - bytes.indexOf('\r\n\r\n') - 4

for (const [who, options] of WAYS) {
  for (const status of ['202', '413'])
    t.test(`${who} that answers first gets the rest behind ${status}, and its connection goes on`, async (t) => {
      const rig = await startRig(t, options)
      rig.origin.answers(accepted().replace('202', status))
      const client = rig.client().send(`${head()}x`)
      t.match(await client.gets('ok'), /^HTTP\/1\.1 (?:202|413) Accepted\r\n(?![\s\S]*Connection: close)/)
      client.send('x'.repeat(SIZE - 1))
      const origin = await rig.origin.connection()
      await until('all of the body is there', () => bodyLength(origin.bytes) === SIZE)
      await until('the exchange is over', () => rig.results.length === 1)
      t.match(rig.results[0], { status: Number(status), bytesUp: SIZE, bytesDown: 2, ended: 'finished' })
      rig.origin.onData = ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext')
      client.send('GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n')
      await client.gets('next')
      t.equal(rig.origin.connections.length, 1)
    })

  for (const drains of [false, true])
    t.test(
      `${who} that answers first: a request right behind the rest is one that waits${drains ? ', also in a drain' : ''}`,
      async (t) => {
        const idleMs = 77_000
        const rig = await startRig(t, { ...options, limits: { idleMs } })
        rig.origin.answers(accepted())
        const client = rig.client().send(`${head()}x`)
        await client.gets('ok')
        if (drains) rig.door.drain()
        const origin = await rig.origin.connection()
        rig.origin.onData = () => {}
        client.send('x'.repeat(SIZE - 2))
        await until('all but one are there', () => bodyLength(origin.bytes) === SIZE - 1)
        client.send('xGET http://origin.test/next HTTP/1.1\r\nHost: origin.test\r\n\r\n')
        const next = () => rig.origin.connections.find(({ bytes }) => bytes.includes('GET '))
        await until('the next is there', () => next() !== undefined)
        t.equal(rig.taken[0]!.timeout, idleMs)
        next()!.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext')
        await client.gets('next')
        if (drains) t.match(await client.toEnd(), /\r\nConnection: close\r\n[\s\S]*next$/)
      },
    )

  t.test(
    `${who} that answers first gets the rest also of a client that asks for an end, and goes with it`,
    async (t) => {
      const rig = await startRig(t, options)
      rig.origin.answers(accepted())
      const client = rig.client().send(`${head('Connection: close\r\n')}x`)
      client.socket.on('end', () => client.close())
      t.match(await client.gets('ok'), /\r\nConnection: close\r\n[\s\S]*ok$/)
      const origin = await rig.origin.connection()
      for (let sent = 1; sent < SIZE; ) {
        const size = Math.min(100_000, SIZE - sent)
        client.send('x'.repeat(size))
        sent += size
        await until('that arrives', () => bodyLength(origin.bytes) === sent)
      }
      t.equal(await client.ending(), 'fin')
      await until('the exchange is over', () => rig.results.length === 1)
      t.match(rig.results[0], { status: 202, bytesUp: SIZE, ended: 'finished' })
    },
  )

  t.test(`a client that leaves behind its request and the early answer of ${who}`, async (t) => {
    const { rig, client, goes } = await uploadIsSlow(t, options)
    await leavesBehind(client, rig)
    goes()
    const origin = await rig.origin.connection()
    await until('all of the body is there', () => bodyLength(origin.bytes) === 1000)
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 202, bytesUp: 1000, ended: 'finished' })
    t.equal(rig.door.connections, 0)
  })

  for (const end of ['breakOff', 'close'] as const)
    t.test(`such an upload to ${who} ends with the door (${end})`, async (t) => {
      const { rig, client, conn } = await uploadIsSlow(t, options)
      await leavesBehind(client, rig)
      t.equal(rig.door.connections, 1, 'and counts until then')
      rig.door[end]()
      await until('the exchange is over', () => rig.results.length === 1)
      t.match(rig.results[0], { status: 202, bytesUp: 1000, ended: 'aborted', error: { code: 'SHUTTING_DOWN' } })
      t.ok(conn.destroyed)
      t.equal(rig.door.connections, 0)
    })

  t.test(`nor does the end of the door leave behind an upload to ${who} whose client is there`, async (t) => {
    const { rig, client, conn } = await uploadIsSlow(t, options)
    client.send('x'.repeat(999))
    await until('the gateway has it', () => conn.writableLength >= 999)
    rig.door.breakOff()
    t.equal(await client.ending(), 'reset')
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 202, ended: 'aborted', error: { code: 'SHUTTING_DOWN' } })
    t.ok(conn.destroyed)
  })

  t.test(`${who} that says yes and breaks off: the client hears of it`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers(accepted())
    const client = rig.client().send(`${head()}x`)
    await client.gets('ok')
    ;(await rig.origin.connection()).socket.resetAndDestroy()
    t.equal(await client.ending(), 'reset')
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 202, bytesUp: 1, ended: 'upstream-reset', error: { code: 'CONNECT_RESET' } })
  })

  t.test(`${who} that says yes and breaks off: the client that asks for an end hears of it, too`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers(accepted())
    const client = rig.client().send(`${head('Connection: close\r\n')}x`)
    await client.gets('ok')
    ;(await rig.origin.connection()).socket.resetAndDestroy()
    t.equal(await client.ending(), 'reset')
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 202, bytesUp: 1, ended: 'upstream-reset', error: { code: 'CONNECT_RESET' } })
  })

  t.test(`${who} that says no and breaks off: nobody wants the rest`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')
    const client = rig.client().send(`${head()}x`)
    await client.gets('no')
    ;(await rig.origin.connection()).socket.resetAndDestroy()
    t.equal(await client.ending(), 'fin')
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 413, ended: 'finished' })
  })

  t.test(
    `what is no request behind one that ${who} has answered early ends the connection, not the request`,
    async (t) => {
      const rig = await startRig(t, options)
      rig.origin.answers(accepted())
      const client = rig.client().send(`${head('', 1000)}x`)
      await client.gets('ok')
      client.send(`${'x'.repeat(999)}\x01\r\n\r\n`)
      await client.toEnd()
      const origin = await rig.origin.connection()
      await until('all of the body is there', () => bodyLength(origin.bytes) === 1000)
      await until('the exchange is over', () => rig.results.length === 1)
      t.match(rig.results[0], { status: 202, bytesUp: 1000, ended: 'finished' })
    },
  )

  t.test(`${who} that answers first and says that it closes is let go`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers(accepted('Connection: close\r\n'))
    const client = rig.client().send(`${head()}x`)
    t.match(await client.toEnd(), /\r\nConnection: close\r\n[\s\S]*ok$/)
    const origin = await rig.origin.connection()
    await until('it is let go', () => origin.closed || origin.ended)
  })

  t.test(`a client that leaves behind the early answer of ${who}`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers(accepted())
    const client = rig.client().send(`${head()}x`)
    await client.gets('ok')
    client.socket.resetAndDestroy()
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 202, ended: 'client-reset', error: { code: 'CLIENT_GONE' } })
    const origin = await rig.origin.connection()
    await until('the origin is let go', () => origin.closed || origin.ended)
  })

  t.test(`an HTTP/1.0 client whose early answer of ${who} has no length but the connection's end`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers('HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n')
    const client = rig.client().send(`${head().replace('1.1', '1.0')}x`)
    t.match(await client.toEnd(), /\r\n\r\nok$/, 'has it whole without another byte of the request')
    t.equal(await client.ending(), 'fin')
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 202, bytesUp: 1, ended: 'finished' })
  })

  t.test(`an HTTP/1.0 client that knows the length of the early answer of ${who} sends the rest`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers(accepted())
    const client = rig.client().send(`${head('', 1000).replace('1.1', '1.0')}x`)
    await client.gets('ok')
    client.send('x'.repeat(999))
    t.equal(await client.ending(), 'fin')
    await until('the exchange is over', () => rig.results.length === 1)
    t.match(rig.results[0], { status: 202, bytesUp: 1000, ended: 'finished' })
  })
}

/** A client with its early answer, and all but 999 bytes of its request sent; what goes to the origin from here on waits for `goes`. */
async function uploadIsSlow(t: Test, options: RigOptions) {
  const conns: Socket[] = []
  const waiting: (() => void)[] = []
  let isSlow = false
  const inTime = (write: () => void) => void (isSlow ? waiting.push(write) : write())
  const wrap = (socket: Socket) => {
    conns.push(socket)
    const { _write, _writev } = Socket.prototype
    socket._write = (...args) => inTime(() => _write.apply(socket, args))
    socket._writev = (...args) => inTime(() => _writev!.apply(socket, args))
    return socket.pause()
  }
  const rig = await startRig(t, { ...options, wrap })
  rig.origin.answers(accepted())
  const client = rig.client().send(`${head('', 1000)}x`)
  await client.gets('ok')
  isSlow = true
  const goes = () => {
    isSlow = false
    for (const write of waiting) write()
  }
  return { rig, client, conn: conns[0]!, goes }
}

async function leavesBehind(client: RawClient, rig: Rig): Promise<void> {
  const gone = once(rig.taken[0]!, 'close')
  client.send('x'.repeat(999)).socket.end()
  await gone
}
