import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createExplainer, parseSubject, renderExplanation } from '../../src/gateway/explain.ts'
import { getThrough } from '../fixtures/clients.ts'
import { everythingIsLoopback, startTestGateway } from '../fixtures/gateway.ts'
import { loopbackCertificate, testAuthority } from '../fixtures/test-authority.ts'
import { startHttpProxy } from '../fixtures/upstreams/http-proxy.ts'
import { unusedPort } from '../fixtures/upstreams/listen.ts'
import { startSocksProxy } from '../fixtures/upstreams/socks-proxy.ts'

// The PAC file's server stands where only an upstream reaches it.

const SCRIPT =
  'function FindProxyForURL(url, host) { return host === "stop.test" ? "PROXY reject.docker.internal:1" : "DIRECT" }'

async function serve(t: Test, server: Server): Promise<number> {
  server.on('request', (_, response) => {
    response.setHeader('content-type', 'application/x-ns-proxy-autoconfig')
    response.end(SCRIPT)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** An HTTP proxy as squid is when it comes: it asks for Basic, and refuses tunnels to port 80. */
async function startPlainProxy(t: Test): Promise<{ port: number; requests: string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`, `host: ${request.headers.host}`)
    requests.push(`cache-control: ${request.headers['cache-control']}`)
    const basic = `Basic ${Buffer.from('u:secret').toString('base64')}`
    if (request.headers['proxy-authorization'] !== basic) {
      return response.writeHead(407, { 'proxy-authenticate': 'Basic realm="corp"' }).end()
    }
    if (request.url?.includes('denied'))
      return response.writeHead(403, { 'x-squid-error': 'ERR_ACCESS_DENIED 0' }).end()
    return response.writeHead(200, { 'content-type': 'application/x-ns-proxy-autoconfig' }).end(SCRIPT)
  })
  server.on('connect', (_, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, requests }
}

t.test('http through an HTTP proxy with credentials; said in explain, status and log', async (t) => {
  const proxy = await startPlainProxy(t)
  const settings = {
    upstreams: { edge: `http://u:secret@127.0.0.1:${proxy.port}` },
    proxy: { pac: 'http://wpad.only-inside.test/proxy.pac?token=hidden' },
    pac: { via: 'edge' },
  }
  const { port, gateway, lines, settings: load } = await startTestGateway(t, settings)
  t.equal((await getThrough(port, 'http://stop.test/')).status, 403)
  t.same(
    [...new Set(proxy.requests)],
    [
      'GET http://wpad.only-inside.test/proxy.pac?token=hidden',
      'host: wpad.only-inside.test',
      'cache-control: no-cache',
    ],
    'in absolute-form, to the proxy only, which is to ask the server',
  )
  const [pac] = gateway.status().pac
  t.match(pac, {
    source: 'http://wpad.only-inside.test/proxy.pac',
    via: `http://127.0.0.1:${proxy.port}`,
    contentType: 'application/x-ns-proxy-autoconfig',
    failure: undefined,
  })
  t.ok(lines.some(({ msg }) => msg.includes(`in use`) && msg.includes(`read through http://127.0.0.1:${proxy.port}`)))
  const explainer = await createExplainer(await load(settings), {}, () => {})
  const said = renderExplanation(await explainer.explain({ ...parseSubject('http://stop.test/'), scope: 'host' }))
  explainer.close()
  t.match(said, `script: http://wpad.only-inside.test/proxy.pac through http://127.0.0.1:${proxy.port}`)
  t.notMatch(JSON.stringify([lines, said, gateway.status()]), /secret|hidden/)
})

t.test('https with an authority of its own, through SOCKS and through a chain', async (t) => {
  const { cert, key } = await loopbackCertificate()
  const wpad = await serve(t, createTlsServer({ cert, key }))
  const socks = await startSocksProxy({ map: () => ({ host: '127.0.0.1', port: wpad }) })
  t.teardown(() => socks.close())
  const first = await startHttpProxy({ map: (host, port) => ({ host, port }) })
  t.teardown(() => first.close())
  const { writeFile } = await import('node:fs/promises')
  const authority = `${t.testdir({})}/ca.pem`
  await writeFile(authority, (await testAuthority()).cert)
  for (const [what, via] of [
    ['SOCKS', `socks5h://127.0.0.1:${socks.port}`],
    ['a chain', [`http://127.0.0.1:${first.port}`, `socks5h://127.0.0.1:${socks.port}`]],
  ] as const) {
    const { port } = await startTestGateway(t, {
      trust: { ca: authority },
      proxy: { pac: 'https://localhost/proxy.pac', onPacFailure: 'block' },
      pac: { via },
    })
    t.equal((await getThrough(port, 'http://stop.test/')).status, 403, what)
  }
  t.equal(first.requests.length, 1)
})

t.test('an HTTP proxy that says no: who, and why', async (t) => {
  const { port: proxy } = await startPlainProxy(t)
  for (const [user, path, said] of [
    ['u:wrong@', 'proxy.pac', 'does not accept the credentials'],
    ['', 'proxy.pac', 'asks for credentials'],
    ['u:secret@', 'denied', 'refused: 403 Forbidden; X-Squid-Error: ERR_ACCESS_DENIED 0'],
  ] as const) {
    const { port, lines } = await startTestGateway(t, {
      proxy: { pac: `http://wpad.test/${path}`, onPacFailure: 'block' },
      pac: { via: `http://${user}127.0.0.1:${proxy}` },
    })
    const { body } = await getThrough(port, 'http://a.test/')
    t.match(body, `from wpad.test: HTTP proxy 127.0.0.1:${proxy} ${said}`)
    t.notMatch(JSON.stringify([body, lines]), /wrong|secret|u:/)
  }
})

t.test('an upstream that is down: a PAC failure like any other, and the reason says which', async (t) => {
  const dead = await unusedPort()
  const base = { proxy: { pac: 'http://wpad.test/proxy.pac' }, pac: { via: `http://127.0.0.1:${dead}` } }
  const blocked = await startTestGateway(t, { ...base, proxy: { ...base.proxy, onPacFailure: 'block' } })
  const answer = await getThrough(blocked.port, 'http://a.test/')
  t.match(answer.body, /cannot fetch the PAC script from wpad\.test/)
  t.match(answer.body, `127.0.0.1:${dead}`)
  const origin = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  const { port } = origin.address() as AddressInfo
  const open = await startTestGateway(
    t,
    { ...base, proxy: { ...base.proxy, onPacFailure: 'direct' } },
    { resolver: everythingIsLoopback },
  )
  t.equal((await getThrough(open.port, `http://a.test:${port}/`)).body, 'hello', 'onPacFailure: direct')
})

t.test('a way that leads back to the gateway itself is none', async (t) => {
  const own = await unusedPort()
  const { port, lines } = await startTestGateway(t, {
    listen: { mixed: `127.0.0.1:${own}` },
    proxy: { pac: 'http://wpad.test/proxy.pac', onPacFailure: 'block' },
    pac: { via: `http://127.0.0.1:${own}` },
  })
  t.equal(port, own)
  t.ok(lines.some(({ msg }) => msg.includes('cannot fetch the PAC script')))
})

t.test('settings: unknown names, and a way that nothing uses', async (t) => {
  const { settings } = await startTestGateway(t)
  await t.rejects(settings({ proxy: { pac: 'http://w.test/p' }, pac: { via: 'nowhere' } }))
  t.same((await settings({ pac: { via: 'http://p.test:1' } })).pac.via.length, 1)
})
