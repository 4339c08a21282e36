import net from 'node:net'
import tls from 'node:tls'
import { type Test, test } from 'tap'
import type { StreamDialer } from '../../../src/contracts/dialer.ts'
import { fetchScript } from '../../../src/pac-engine/fetch-script.ts'
import { loopbackCertificate } from '../../fixtures/test-authority.ts'

const directly: StreamDialer = {
  dial: ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ host, port, allowHalfOpen: true })
      socket.once('connect', () => resolve(socket))
      socket.once('error', reject)
    }),
}

async function fetchFrom(t: Test, server: net.Server): Promise<unknown> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = new URL(`https://127.0.0.1:${(server.address() as net.AddressInfo).port}/proxy.pac`)
  return fetchScript(url, { dialer: directly, signal: new AbortController().signal }).catch((error: unknown) => error)
}

test('a certificate that nobody vouches for: trust.ca is named', async (t) => {
  const { cert, key } = await loopbackCertificate()
  const server = tls.createServer({ cert, key }, (socket) => socket.on('error', () => {}))
  server.on('tlsClientError', () => {})
  t.match(await fetchFrom(t, server), {
    code: 'PAC_FAILED',
    message: /^cannot fetch the PAC script from 127\.0\.0\.1:\d+: unable to /,
    hint: /trust\.ca/,
  })
})

test('a handshake that fails: what OpenSSL says, without its numbers and files', async (t) => {
  // TLS alert (RFC 8446 §6): fatal, protocol_version.
  const alert = Buffer.from('15030300020246', 'hex')
  const answers: [bytes: Buffer | string, said: RegExp, hint: RegExp][] = [
    [alert, /: the TLS handshake failed: [a-z0-9 ]*alert protocol version$/, /client certificate/],
    ['HTTP/1.1 400 Bad Request\r\n\r\n', /: it does not speak TLS$/, /http:\/\//],
  ]
  for (const [bytes, message, hint] of answers) {
    const server = net.createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(bytes)))
    t.match(await fetchFrom(t, server), { code: 'PAC_FAILED', message, hint })
  }
})
