import { connect, type Socket } from 'node:net'
import t from 'tap'
import { startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

/** Small: one that waits in the gateway leaves room for the end of the request behind it. */
const PIECE = 'x'.repeat(8_000)

for (const [what, settings] of [
  ['that stays', undefined],
  ['that a reload has taken away', { listen: { mixed: '127.0.0.2:0' } }],
  ['whose limits a reload has changed', { limits: { requestHead: '4KiB' } }],
] as const) {
  t.test(`what a client has left behind an early answer ends with the gateway, at a door ${what}`, async (t) => {
    let origin: Socket | undefined
    const server = await listen((socket) => {
      origin = socket
        .on('error', () => {})
        .once('data', () => {
          socket.pause().write('HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok')
        })
    })
    t.teardown(() => server.close())
    const { gateway, port, reload, flowCount } = await startTestGateway(t)
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const at = `127.0.0.1:${server.port}`
    client.write(`POST http://${at}/ HTTP/1.1\r\nHost: ${at}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`)
    let got = ''
    client.on('data', (chunk) => {
      got += chunk
    })
    await until('the client has its answer', () => got.endsWith('ok'))
    const passedOn = () => gateway.status().flows[0]!.bytesUp
    for (let sent = 1, stands = false; !stands; ) {
      client.write(`${PIECE.length.toString(16)}\r\n${PIECE}\r\n`)
      sent += PIECE.length
      let turns = 0
      await until('it arrives, or the origin’s buffers are full', () => {
        stands = ++turns > 500
        return stands || passedOn() === sent
      })
    }
    client.end('0\r\n\r\n')
    await until('the client is gone', () => gateway.status().clientConnections === 0)
    t.equal(gateway.status().liveFlows, 1)
    if (settings) {
      await reload(settings)
      await reload({ ...settings, limits: { requestHead: '8KiB' } })
    }
    await gateway.close()
    t.match(await flowCount(1), [{ ended: 'aborted', error: { code: 'SHUTTING_DOWN' } }])
    t.not(origin, undefined)
  })
}
