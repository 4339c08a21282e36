import t from 'tap'
import { startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'
import { listen } from '../fixtures/upstreams/listen.ts'
import { RawClient } from './http/raw-client.ts'

const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\n'
const CASES: ReadonlyArray<readonly [what: string, method: string, fields: string, answer: string]> = [
  ['a response', 'POST', 'Content-Length: 100\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n'],
  ['a WebSocket', 'GET', UPGRADE, `HTTP/1.1 101 Switching Protocols\r\n${UPGRADE}\r\n`],
]

for (const [what, method, fields, answer] of CASES) {
  t.test(`the live view counts the bytes of ${what} while they move`, async (t) => {
    const origin = await listen((socket) => void socket.once('data', () => socket.write(`${answer}12345`)))
    t.teardown(() => origin.close())
    const { gateway, port, flowCount } = await startTestGateway(t)
    const client = new RawClient(port)
    t.teardown(() => client.close())
    const at = `127.0.0.1:${origin.port}`
    client.send(`${method} http://${at}/ HTTP/1.1\r\nHost: ${at}\r\n${fields}\r\n`)
    if (method === 'POST') client.send('abc')
    await client.gets('12345')
    if (method === 'GET') client.send('abc')
    const moved = () => gateway.status().flows.map(({ bytesUp, bytesDown }) => [bytesUp, bytesDown])
    await until('all is counted', () => `${moved()}` === '3,5').catch(() => {})
    t.same(moved(), [[3, 5]])
    client.socket.resetAndDestroy()
    t.match(await flowCount(1), [{ bytesUp: 3, bytesDown: 5, ended: 'client-reset' }])
  })
}
