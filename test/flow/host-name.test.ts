import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { GatewayError } from '../../src/contracts/gateway-error.ts'
import type { Resolver } from '../../src/contracts/resolver.ts'
import { getThrough, openConnect, openSocks5, readAtLeast } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { listen, unusedPort } from '../fixtures/upstreams/listen.ts'
import { startEcho } from '../fixtures/upstreams/origins.ts'

const HOST = 'host.docker.internal'
/** The host's own resolver has no such names, and is not asked for them on behalf of containers. */
const refusing: Resolver = {
  resolve: async (name) => {
    throw new GatewayError('RESOLVE_FAILED', `no such name: ${name}`)
  },
}

/** The containers' door and the host's, in this order, beside a policy that leads nowhere: what is the host's own goes by no proxy. */
async function start(t: Test, dns: object = {}) {
  const nowhere = `http://127.0.0.1:${await unusedPort()}`
  const own = await unusedPort()
  const gateway = await startTestGateway(
    t,
    {
      listen: { mixed: [{ address: `127.0.0.1:${own}`, scope: 'containers' }, '127.0.0.1:0'] },
      containersProxy: { mode: 'manual', http: nowhere, https: nowhere },
      dns: { listen: '127.0.0.1:0', ...dns },
      dnsInhibition: 'none',
    },
    { resolver: refusing },
  )
  const [, host] = gateway.gateway.addresses.flatMap((at) => (at.kind === 'tcp' ? [at.port] : []))
  return { ...gateway, own, host: host! }
}

t.test('services on the host’s loopback, through an explicit door, by every protocol', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const web = createServer((asked, answer) => answer.end(`hello ${asked.headers.host}`)).listen(0, '127.0.0.1')
  t.teardown(() => web.close())
  await once(web, 'listening')
  const webPort = (web.address() as AddressInfo).port
  const { port, flowCount } = await start(t)

  for (const name of [HOST, 'HOST.docker.internal.', 'host.fairlead.internal', '192.168.65.254']) {
    const tunnel = await openConnect(port, `${name}:${echo.port}`)
    t.equal(tunnel.status, 200, `CONNECT ${name}`)
    tunnel.socket.write('hello')
    t.equal(String(await readAtLeast(tunnel.socket, 5)), 'hello')
    tunnel.socket.destroy()
  }
  const socks = await openSocks5(port, HOST, echo.port)
  t.equal(socks.reply, 0, 'SOCKS5')
  socks.socket.destroy()
  const plain = await getThrough(port, `http://${HOST}:${webPort}/`)
  t.match(plain, { status: 200, body: `hello ${HOST}:${webPort}` }, 'plain HTTP')
  for (const line of await flowCount(6)) {
    t.match(line, { decision: 'direct', route: 'direct', because: { source: 'special-name' } }, String(line.target))
  }
})

t.test('over IPv6, where the service listens there alone', async (t) => {
  const six = await listen((socket) => void socket.end('six'), { host: '::1' })
  t.teardown(() => six.close())
  const { port } = await start(t)
  const { status, socket } = await openConnect(port, `${HOST}:${six.port}`)
  t.equal(status, 200)
  t.equal(String(await readAtLeast(socket, 3)), 'six')
  socket.destroy()
})

t.test('refusals say why, to the client and in the log', async (t) => {
  const { port, own, flowCount } = await start(t, { hostPorts: '1-65534' })
  const closed = await unusedPort()
  const rows: [authority: string, status: number, reason: RegExp, because: string][] = [
    [`${HOST}:65535`, 403, /^port 65535 of the host is not among dns\.hostPorts$/, 'special-name'],
    [`${HOST}:${closed}`, 502, /refused the connection \(tried 127\.0\.0\.1, ::1\)$/, 'special-name'],
    [
      `${HOST}:${own}`,
      502,
      /refused .*\(tried ::1; left out: 127\.0\.0\.1:\d+ is the gateway itself\)$/,
      'special-name',
    ],
    [`http.docker.internal:${own}`, 508, /^this is the gateway itself/, 'loop'],
    [`127.0.0.1:${own}`, 508, /is the gateway itself$/, 'loop'],
  ]
  for (const [authority, status, reason] of rows) {
    const tunnel = await openConnect(port, authority)
    tunnel.socket.destroy()
    t.equal(tunnel.status, status, authority)
    t.match(tunnel.reason, reason)
  }
  const lines = await flowCount(rows.length)
  t.same(
    lines.map((line) => line.because?.source),
    rows.map(([, , , because]) => because),
  )
  t.match(lines[2]?.because?.detail, /left out: 127\.0\.0\.1:\d+ is the gateway itself$/)
})

t.test('to the host’s own programs the name means what their resolver says', async (t) => {
  const { host } = await start(t)
  const { status, socket } = await openConnect(host, `${HOST}:80`)
  socket.destroy()
  t.equal(status, 502, 'the resolver knows no such name')
})
