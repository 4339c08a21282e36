import { connect } from 'node:net'
import t from 'tap'
import { startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

t.test('a client that has left while its upload stood still is noticed within timeouts.idle', async (t) => {
  const server = await listen((socket) => socket.pause())
  t.teardown(() => server.close())
  const timeouts = { idle: '1s', decision: '5s', dial: '5s', attempt: '5s', responseHead: '1s' }
  const { gateway, port, flowCount } = await startTestGateway(t, { timeouts })
  const client = connect({ port, host: '127.0.0.1' })
  client.on('error', () => {})
  const length = 100_000_000
  client.write(
    `POST http://127.0.0.1:${server.port}/ HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: ${length}\r\n\r\n`,
  )
  client.write(Buffer.alloc(length))
  await until('it is on its way', () => gateway.status().liveFlows === 1)
  await until(
    'it stands still',
    stands(() => client.bytesWritten - client.writableLength),
  )
  client.resetAndDestroy()
  t.match(await flowCount(1), [{ ended: 'idle', error: { code: 'LIMIT_REACHED' } }])
  await until('its connection is gone', () => gateway.status().clientConnections === 0)
})

/** True once a number has been the same for a thousand turns of the event loop. */
function stands(read: () => number): () => boolean {
  let [last, same] = [-1, 0]
  return () => {
    const now = read()
    same = now > 0 && now === last ? same + 1 : 0
    last = now
    return same > 1_000
  }
}
