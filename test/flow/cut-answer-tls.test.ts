import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import t from 'tap'
import { startTestGateway } from '../fixtures/gateway.ts'
import { loopbackCertificate } from '../fixtures/test-authority.ts'
import { until } from '../fixtures/until.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

// Many TLS clients take a FIN for an orderly end, Node's among them.
t.test('an answer without a length that breaks off does not look complete at a door with `tls`', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const pem = await loopbackCertificate()
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  writeFileSync(files.cert, pem.cert)
  writeFileSync(files.key, pem.key)
  let origin: Socket | undefined
  const server = await listen((socket) => {
    origin = socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf'))
  })
  t.teardown(() => server.close())
  const { gateway, port, flowCount } = await startTestGateway(t, {
    listen: { mixed: [], tls: { address: '127.0.0.1:0', ...files } },
  })
  const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.teardown(() => client.destroy())
  let got = ''
  let ending: string | undefined
  client.on('data', (chunk) => {
    got += chunk
  })
  client.on('end', () => {
    ending ??= 'end'
  })
  client.on('error', ({ code }: NodeJS.ErrnoException) => {
    ending ??= code
  })
  client.write(`GET http://127.0.0.1:${server.port}/ HTTP/1.0\r\nHost: 127.0.0.1:${server.port}\r\n\r\n`)
  await until('half of it has come', () => got.endsWith('half'))
  origin!.resetAndDestroy()
  await until('it is over', () => ending !== undefined)
  t.equal(ending, 'ECONNRESET')
  t.match(await flowCount(1), [{ ended: 'upstream-reset' }])
  await until('the connection is gone', () => gateway.status().clientConnections === 0)
})
