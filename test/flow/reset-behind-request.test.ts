import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { openConnect } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

/** Each client says all it has to say at once, and resets its connection. */
const CLIENTS = `
const [door, count, ...requests] = process.argv.slice(1)
for (const request of requests) for (let at = 0; at < count; at += 1) {
  const socket = require('node:net').connect(door, '127.0.0.1', () => {
    socket.write(Buffer.from(request, 'base64'))
    socket.resetAndDestroy()
  })
  socket.on('error', () => {})
}`

/** Whoever has reset its connection has no address any more, and is nobody who may use the door for that. */
for (const fastPath of ['off', 'auto']) {
  t.test(
    `a client that is not admitted resets its connection behind its request; relay.fastPath: ${fastPath}`,
    async (t) => {
      const target = await listen((socket) => socket.on('error', () => {}).end())
      t.teardown(() => target.close())
      const { gateway, flows } = await startTestGateway(t, {
        listen: { mixed: [{ address: '127.0.0.1:0', from: '127.0.0.77' }, '127.0.0.1:0'] },
        relay: { fastPath },
      })
      const [closed, open] = gateway.addresses.map((address) => (address.kind === 'tcp' ? address.port : 0))
      const port = Buffer.of(target.port >> 8, target.port & 255)
      const requests = [
        Buffer.from(`CONNECT 127.0.0.1:${target.port} HTTP/1.1\r\nHost: x\r\n\r\nx`),
        Buffer.from(
          `POST http://127.0.0.1:${target.port}/ HTTP/1.1\r\nHost: 127.0.0.1:${target.port}\r\nContent-Length: 1\r\n\r\nx`,
        ),
        Buffer.concat([Buffer.of(5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1), port, Buffer.from('x')]),
        Buffer.concat([Buffer.of(4, 1), port, Buffer.of(127, 0, 0, 1, 0), Buffer.from('x')]),
      ]
      // This process stands still meanwhile: when it looks, all of them have gone.
      execFileSync(process.execPath, [
        '-e',
        CLIENTS,
        String(closed),
        '10',
        ...requests.map((one) => one.toString('base64')),
      ])
      // Accepted after them.
      const last = connect(closed!, '127.0.0.1').resume()
      await once(
        last.on('error', () => {}),
        'close',
      )
      const { socket } = await openConnect(open!, `127.0.0.1:${target.port}`)
      socket.destroy()
      t.equal(target.accepted, 1, 'by the one that may')
      t.equal(
        flows().filter(({ client }) => client === 'unix').length,
        0,
        'and nobody is taken for a client of this machine',
      )
    },
  )
}
