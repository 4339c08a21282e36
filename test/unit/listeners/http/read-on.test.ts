import http from 'node:http'
import tls from 'node:tls'
import t from 'tap'
import { readOn } from '../../../../src/listeners/http/read-on.ts'
import { tcpPair } from '../../../fixtures/socket-pair.ts'
import { loopbackCertificate } from '../../../fixtures/test-authority.ts'
import { until } from '../../../fixtures/until.ts'
import '../../../fixtures/stay-inside.ts'

const secureContext = tls.createSecureContext(await loopbackCertificate())
const HEADS = 'GET / HTTP/1.1\r\nHost: a\r\n\r\nCONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n'

for (const kind of ['TCP', 'TLS'] as const) {
  t.test(`a socket that Node lets go while it has stopped it is heard again (${kind})`, async (t) => {
    const pair = await tcpPair()
    const near = kind === 'TLS' ? new tls.TLSSocket(pair.near, { isServer: true, secureContext }) : pair.near
    const far = kind === 'TLS' ? tls.connect({ socket: pair.far, rejectUnauthorized: false }) : pair.far
    t.teardown(() => [near, far].map((socket) => socket.destroy()))
    const server = http.createServer({ requireHostHeader: false })
    const heard: string[] = []
    let letGo = false
    server.on('request', () => near.pause())
    server.on('connect', (_request, _socket, head) => {
      near.pause()
      near.unshift(head)
      readOn(near)
      letGo = true
    })
    server.emit('connection', near)
    near.resume()
    far.write(`${HEADS}early `)
    await until('Node lets go', () => letGo)
    far.write('and late')
    await until('bytes wait in the buffer', () => near.readableLength === 'early and late'.length)
    near.on('data', (chunk: Buffer) => heard.push(chunk.toString()))
    near.resume()
    far.write(', and later')
    await until('all arrives', () => heard.join('') === 'early and late, and later')
  })
}

t.test('one that is gone is let be', async (t) => {
  const { near, far } = await tcpPair()
  far.destroy()
  near.destroy()
  readOn(near)
  t.equal(near.listenerCount('connect'), 0)
})
