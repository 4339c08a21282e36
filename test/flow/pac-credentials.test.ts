import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createExplainer, parseSubject, renderExplanation } from '../../src/gateway/explain.ts'
import { getThrough, openConnect, openSocks5, readAtLeast } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { startHttpProxy } from '../fixtures/upstreams/http-proxy.ts'
import { startEcho } from '../fixtures/upstreams/origins.ts'
import { startSocksProxy } from '../fixtures/upstreams/socks-proxy.ts'

// A proxy that a PAC script names and that wants a password: it stands in an entry of `upstreams` for the same proxy.

const WHO = { username: 'alice', password: 's3cret-word' }
const USER_INFO = 'alice:s3cret-word'
const always = (answer: string) => `function FindProxyForURL() { return "${answer}" }`

/** An HTTP proxy for plain requests, which asks for Basic. */
async function startPlainProxy(t: Test): Promise<{ port: number; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = []
  const expected = `Basic ${Buffer.from(USER_INFO).toString('base64')}`
  const server = createServer((request, response) => {
    seen.push(request)
    if (request.headers['proxy-authorization'] === expected) return response.end('hello')
    return response.writeHead(407, { 'proxy-authenticate': 'Basic realm="corp"' }).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, seen }
}

t.test('tunnels through an HTTP and a SOCKS5 proxy', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const map = () => ({ host: '127.0.0.1', port: echo.port })
  const http = await startHttpProxy({ credentials: WHO, map })
  t.teardown(() => http.close())
  const socks = await startSocksProxy({ credentials: WHO, map })
  t.teardown(() => socks.close())
  for (const [answer, url] of [
    [`PROXY 127.0.0.1:${http.port}`, `http://${USER_INFO}@127.0.0.1:${http.port}`],
    [`SOCKS5 127.0.0.1:${socks.port}`, `socks5h://${USER_INFO}@127.0.0.1:${socks.port}`],
  ] as const) {
    const settings = { proxy: { embeddedPac: always(answer) }, upstreams: { corp: url } }
    const { port, lines, gateway, settings: load, flowCount } = await startTestGateway(t, settings)
    const { socket, status } = await openConnect(port, 'a.test:443')
    t.equal(status, 200, answer)
    socket.write('hello')
    t.equal((await readAtLeast(socket, 5)).toString(), 'hello')
    socket.destroy()
    const [flow] = await flowCount(1)
    t.match(flow?.because?.detail, 'with the credentials of upstreams.corp')
    const explainer = await createExplainer(await load(settings), {}, () => {})
    const explained = await explainer.explain({ ...parseSubject('https://a.test/'), scope: 'host' })
    explainer.close()
    const said = renderExplanation(explained)
    t.match(said, `with the credentials of upstreams.corp`)
    t.match(explained.pac?.understood, [/127\.0\.0\.1:\d+ with the credentials of upstreams\.corp$/])
    t.notMatch(JSON.stringify([lines, explained, said, gateway.status()]), /alice|s3cret/)
  }
})

t.test('plain requests; a reload takes another password, and none says what to do', async (t) => {
  const proxy = await startPlainProxy(t)
  const place = `127.0.0.1:${proxy.port}`
  const pac = { embeddedPac: always(`PROXY ${place}`) }
  const { port, reload, lines } = await startTestGateway(t, { proxy: pac })
  const without = await getThrough(port, 'http://a.test/')
  t.equal(without.status, 502)
  t.match(without.body, 'PROXY_AUTH_FAILED')
  t.match(without.body, 'for one that a PAC file names, in an entry of “upstreams” with its kind, host and port')
  await reload({ proxy: pac, upstreams: { corp: `http://alice:s3cret-old@${place}` } })
  const wrong = await getThrough(port, 'http://a.test/')
  t.equal(wrong.status, 502)
  t.match(wrong.body, 'did not accept the user name and password')
  await reload({ proxy: pac, upstreams: { corp: { url: `http://${place}`, ...WHO } } })
  t.equal((await getThrough(port, 'http://a.test/')).body, 'hello')
  await reload({ proxy: pac, upstreams: { other: `http://${USER_INFO}@localhost:${proxy.port}` } })
  t.equal((await getThrough(port, 'http://a.test/')).status, 502, 'another host')
  t.equal(proxy.seen.at(-1)?.headers['proxy-authorization'], undefined, 'which was shown nothing')
  t.notMatch(JSON.stringify([lines, without.body, wrong.body]), /alice|s3cret/)
})

t.test('hints at tunnels', async (t) => {
  const http = await startHttpProxy({ credentials: WHO })
  t.teardown(() => http.close())
  const socks = await startSocksProxy({ credentials: WHO })
  t.teardown(() => socks.close())
  for (const answer of [`PROXY 127.0.0.1:${http.port}`, `SOCKS5 127.0.0.1:${socks.port}`]) {
    const { port, flowCount } = await startTestGateway(t, { proxy: { embeddedPac: always(answer) } })
    await openSocks5(port, 'a.test', 443).then(
      ({ socket }) => socket.destroy(),
      () => {},
    )
    const [flow] = await flowCount(1)
    t.match(flow?.error, {
      code: 'PROXY_AUTH_FAILED',
      hint: /for one that a PAC file names, in an entry of “upstreams”/,
    })
  }
})
