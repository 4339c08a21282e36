import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { failure } from '../contract/far-ends.ts'
import { openSocks5 } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

/** More than a tunnel carries before the kernel takes it, less than waits on the way to a client that does not read. */
const HALF_BYTES = 600_000

const skip = process.platform !== 'linux' && 'on Linux only'
for (const [mode, settings, options, skip_] of [
  ['in the front', {}, { front: 'at-once' }, skip],
  ['in a relay thread', {}, {}, skip],
  ['in Node', { relay: { fastPath: 'off' } }, {}, false],
] as const) {
  t.test(`a tunnel that the end of a drain cuts does not look complete: ${mode}`, { skip: skip_ }, async (t) => {
    let origin: Socket | undefined
    const server = await listen((socket) => {
      origin = socket
      socket.write(Buffer.alloc(HALF_BYTES))
    })
    t.teardown(() => server.close())
    const { gateway, port, flowCount } = await startTestGateway(t, settings, options)
    const { socket } = await openSocks5(port, '127.0.0.1', server.port)
    let got = 0
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    socket.resume()
    await until('half of it has come', () => got === HALF_BYTES)
    const seen = Promise.all([failure(socket), failure(origin!)])
    await gateway.drain(1)
    t.same(await seen, ['ECONNRESET', 'ECONNRESET'])
    t.match(await flowCount(1), [{ ended: 'aborted', bytesDown: HALF_BYTES }])
  })
}

t.test('nor does an answer without a length', async (t) => {
  const server = await listen((socket) => void socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')))
  t.teardown(() => server.close())
  const { gateway, port } = await startTestGateway(t)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(`GET http://127.0.0.1:${server.port}/ HTTP/1.0\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`)
  let got = ''
  socket.on('data', (chunk) => {
    got += chunk
  })
  await until('half of it has come', () => got.endsWith('half'))
  const seen = failure(socket)
  await gateway.drain(1)
  t.equal(await seen, 'ECONNRESET')
})

t.test('but one that is complete arrives, however slow its reader', async (t) => {
  const body = Buffer.alloc(400_000, 'x')
  const server = await listen((socket) =>
    socket.once('data', () => socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), body]))),
  )
  t.teardown(() => server.close())
  const { gateway, port, flowCount } = await startTestGateway(t)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(`GET http://127.0.0.1:${server.port}/ HTTP/1.0\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`)
  await flowCount(1)
  await gateway.drain(1)
  let got = 0
  socket.on('data', (chunk: Buffer) => {
    got += chunk.length
  })
  await once(socket, 'end')
  t.ok(got > body.length, `${got} bytes`)
})
