import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import t, { type Test } from 'tap'
import { startTestGateway } from '../fixtures/gateway.ts'
import { loopbackCertificate } from '../fixtures/test-authority.ts'
import { until } from '../fixtures/until.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

const SOCKS5_ASK = Buffer.from([5, 1, 0, 5, 1, 0, 3, 9, ...Buffer.from('x.example'), 1, 187])

/** Somebody who listens, and never answers. */
async function silent(t: Test) {
  const asked: Socket[] = []
  const server = await listen((socket) => {
    socket.once('data', () => asked.push(socket))
  })
  t.teardown(() => server.close())
  return { asked, port: server.port }
}

/** All that the door says to somebody who asks for this. */
function ask(t: Test, port: number, wish: string | Buffer, dial = connect as typeof dialTls): Promise<Buffer> {
  const socket = dial({ port, host: '127.0.0.1' }).on('error', () => {})
  t.teardown(() => socket.destroy())
  socket.write(wish)
  const said: Buffer[] = []
  socket.on('data', (chunk) => said.push(chunk))
  return once(socket, 'close').then(() => Buffer.concat(said))
}

const dialTls = (to: { port: number; host: string }): Socket => tls.connect({ ...to, rejectUnauthorized: false })

/** What a door inside TLS is made of, as files. */
async function certificate(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const pem = await loopbackCertificate()
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  writeFileSync(files.cert, pem.cert)
  writeFileSync(files.key, pem.key)
  return files
}

t.test(
  'who waits for an answer at the end of a drain is told, and the log does not lay it on the client',
  async (t) => {
    const proxy = await silent(t)
    const origin = await silent(t)
    const upstream = `http://127.0.0.1:${proxy.port}`
    const { gateway, port, flowCount } = await startTestGateway(t, {
      listen: { mixed: '127.0.0.1:0', tls: { address: '127.0.0.1:0', ...(await certificate(t)) } },
      proxy: { http: upstream, https: upstream, exclude: ['127.0.0.1'] },
    })
    const [, tlsPort] = gateway.addresses.map((address) => (address.kind === 'tcp' ? address.port : 0))
    const answers = Promise.all([
      ask(t, port, 'CONNECT x.example:443 HTTP/1.1\r\nHost: x.example:443\r\n\r\n'),
      ask(t, port, 'GET http://x.example/ HTTP/1.1\r\nHost: x.example\r\n\r\n'),
      ask(t, port, `GET http://127.0.0.1:${origin.port}/ HTTP/1.1\r\nHost: 127.0.0.1:${origin.port}\r\n\r\n`),
      ask(t, tlsPort!, 'GET http://x.example/ HTTP/1.1\r\nHost: x.example\r\n\r\n', dialTls),
      ask(t, port, SOCKS5_ASK),
      ask(t, tlsPort!, SOCKS5_ASK, dialTls),
    ])
    await until('all have been asked', () => proxy.asked.length === 5 && origin.asked.length === 1)
    t.equal(await gateway.drain(1), 6)
    const [tunnel, overProxy, direct, insideTls, ...socks] = await answers
    for (const answer of [tunnel, overProxy, direct, insideTls]) {
      t.match(answer.toString(), /^HTTP\/1\.1 503 [\s\S]*SHUTTING_DOWN/)
    }
    for (const answer of socks) t.equal(answer.toString('hex'), `0500${'05010001000000000000'}`)
    const flows = await flowCount(6)
    t.same(
      flows.map(({ error }) => error?.code),
      Array(6).fill('SHUTTING_DOWN'),
    )
  },
)

t.test('nor does the log where an answer had begun', async (t) => {
  const server = await listen((socket) => void socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')))
  t.teardown(() => server.close())
  const { gateway, port, flowCount } = await startTestGateway(t)
  const socket = connect({ port, host: '127.0.0.1' }).on('error', () => {})
  socket.write(`GET http://127.0.0.1:${server.port}/ HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`)
  await once(socket, 'data')
  await gateway.drain(1)
  t.match(await flowCount(1), [{ status: 200, ended: 'aborted', error: { code: 'SHUTTING_DOWN' } }])
})
