import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { BRIDGE, startBox } from './harness/box.ts'
import { curl, originAnswer, through } from './harness/clients/curl.ts'
import { type Gateway, type Policy, startGateway } from './harness/gateway.ts'
import { CORP, CORP_IPV6, GATEWAY_FOR_CORP, GATEWAY_IPV6 } from './harness/lab.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { peerFolder } from './harness/peers/peer.ts'
import { startSquid } from './harness/peers/squid.ts'
import { takePort } from './harness/ports.ts'
import { joinScenario } from './harness/scenario.ts'

// What users of such products ask for most, as far as it touches containers that know nothing of proxies: by number, for docs/testing.md lists
// where each is held. Some are in other files, beside what they need.

/** HTTP/2 in clear: any path answers; POST as a streaming call with messages in gRPC's frames and a trailer. */
const GRPC_SERVER = `
const server = require('node:http2').createServer()
const frame = (text) => { const b = Buffer.alloc(5 + text.length); b.writeUInt32BE(text.length, 1); b.write(text, 5); return b }
server.on('stream', (stream, headers) => {
  stream.on('error', () => {})
  if (headers[':method'] !== 'POST') { stream.respond({ ':status': 200 }); stream.end('h2c'); return }
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.on('data', (data) => stream.write(data))
  stream.on('end', () => stream.end())
})
server.listen(Number(process.argv[2]), process.argv[1], () => console.log('ready'))
`
/** Sends each message when the one before has come back. */
const GRPC_CLIENT = `
const session = require('node:http2').connect(process.argv[1])
const call = session.request({ ':method': 'POST', ':path': '/test.Echo/Stream', 'content-type': 'application/grpc', te: 'trailers' })
const frame = (text) => { const b = Buffer.alloc(5 + text.length); b.writeUInt32BE(text.length, 1); b.write(text, 5); return b }
const left = ['one', 'two', 'three']
const told = { messages: [] }
call.on('response', (headers) => { told.status = headers[':status'] })
call.on('trailers', (trailers) => { told.trailer = trailers['grpc-status'] })
const next = () => { const text = left.shift(); if (text) call.write(frame(text)); else call.end() }
call.on('data', (data) => { told.messages.push(data.subarray(5).toString()); next() })
call.on('close', () => { console.log(JSON.stringify(told)); session.close() })
call.on('error', (error) => { console.error(error); process.exit(1) })
next()
`

const scenario = await joinScenario(t)
// Read anew by each program of the corp host, in place: squid resolves what it is asked for.
const hosts = `/etc/netns/${scenario.lab.namespaces.corp}/hosts`
const hostsBefore = readFileSync(hosts, 'utf8')
scenario.undo.push('hosts', () => writeFileSync(hosts, hostsBefore))
writeFileSync(hosts, `${hostsBefore}${CORP['origin.test']} one.sites.test two.sites.test\n`)
const origins = await startOrigins(scenario)
const squid = await startSquid(scenario)
const box = await startBox(scenario)
const DNS = '10.77.5.1'
const DNS_IPV6 = 'fd77:5::1'
/** Nobody has this address. */
const NOBODY = '10.77.2.99'
const SQUID = `http://${squid.name}:${squid.port}`
const SHARED = CORP['origin.test']

const dnsmasq = scenario.start('corp', 'dnsmasq', [
  ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file'],
  ...['--user=root', '--bind-dynamic', `--listen-address=${SHARED}`],
  ...['--local=/sites.test/', `--host-record=one.sites.test,${SHARED}`, `--host-record=two.sites.test,${SHARED}`],
  ...[`--host-record=six.sites.test,${CORP_IPV6['origin.test']}`, '--log-facility=-'],
])
await dnsmasq.until('started', () => dnsmasq.stderr.includes('started'))

let current: Gateway | undefined
t.afterEach(async () => {
  await current?.running.stop()
  current = undefined
})
const start = async (policy: Policy = {}, dns: object = {}) => {
  current = await startGateway(scenario, {
    capture: { enabled: true, networks: [], interfaces: [BRIDGE] },
    dns: {
      listen: [
        { address: `${DNS}:53`, from: ['10.77.5.0/24'] },
        { address: `[${DNS_IPV6}]:53`, from: ['fd77:5::/64'] },
      ],
      zones: { 'sites.test': `${SHARED}:53` },
      // A refusal is an answer too.
      probe: [`${SHARED}:53`, `[${CORP_IPV6['origin.test']}]:53`],
      ...dns,
    },
    ...policy,
  })
  return current
}
const answers = async (name: string, type: string, server: string = DNS) => {
  const done = await box.run(['dig', '+short', '+tries=1', '+time=5', `@${server}`, name, type])
  return done.stdout.split('\n').filter((line) => line !== '')
}
/** A program of the box that asks the gateway's DNS, as a container does, and knows nothing of proxies. */
const visit = async (name: string, url: string, ...more: string[]) => {
  const [address] = await answers(name, name.startsWith('six.') ? 'AAAA' : 'A')
  const at = address?.includes(':') ? `[${address}]` : address
  const port = new URL(url).port || (url.startsWith('https:') ? '443' : '80')
  return box.run(['curl', '-q', '-sS', '-m', '10', '-k', '--resolve', `${name}:${port}:${at}`, ...more, url])
}

await t.test('behaviour §8.2: names, not addresses, in exclude rules, and in CONNECT on 443', async (t) => {
  const leaf = await scenario.ca.leaf('one.sites.test', 'two.sites.test')
  const tls = `require('node:https').createServer({cert:require('fs').readFileSync('${leaf.cert}'),key:require('fs').readFileSync('${leaf.key}')},(q,s)=>s.end(JSON.stringify({from:q.socket.remoteAddress}))).listen(443,'${SHARED}',()=>console.log('ready'))`
  const on443 = scenario.start('corp', 'https-443', [process.execPath, '-e', tls])
  await on443.until('ready', () => on443.stdout.includes('ready'))
  const gateway = await start({
    containersProxy: { mode: 'manual', https: `http://${squid.name}:${squid.port}`, exclude: ['one.sites.test'] },
  })
  for (const round of ['first', 'again, when both names of the address have been told']) {
    const before = squid.log().length
    const [skipped, proxied] = [
      await visit('one.sites.test', 'https://one.sites.test/'),
      await visit('two.sites.test', 'https://two.sites.test/'),
    ]
    t.match(skipped.stdout, `"from":"${GATEWAY_FOR_CORP}"`, `${round}: the excluded name goes direct`)
    t.match(proxied.stdout, `"from":"${squid.address}"`, `${round}: the other at the same address by the proxy`)
    await squid.running.until('squid’s line', () => /CONNECT two\.sites\.test:443/.test(squid.log().slice(before)))
    t.notMatch(squid.log().slice(before), `CONNECT ${SHARED}`, 'which was never asked for an address')
  }
  await answers('two.sites.test', 'A')
  const [line] = gateway.flows().filter(({ target }) => target === 'one.sites.test:443')
  t.match(line, { route: 'direct', captured: { dialled: `${SHARED}:443` } })
  t.ok(
    gateway.flows().some(({ captured }) => captured?.nameSource === 'sni'),
    'of several names told, the first bytes said which',
  )

  await t.test('where nothing says which of several names is meant, the log says so', async (t) => {
    await answers('one.sites.test', 'A')
    const before = gateway.flows().length
    const talked = await box.talk(SHARED, origins.ports.banner, { enough: 30 })
    t.match(talked.heard, '220 origin speaks first')
    const line = await gateway.flow('banner', ({ target }) => target.endsWith(`:${origins.ports.banner}`), before)
    t.match(line, {
      target: `one.sites.test:${origins.ports.banner}`,
      captured: { nameSource: 'dns', oneOf: ['one.sites.test', 'two.sites.test'] },
    })
  })
  await gateway.running.stop()
})

await t.test('behaviour §8.3: nothing is rewritten on the way of captured connections', async (t) => {
  const port = takePort()
  // Answers with the very bytes it got, in an envelope of HTTP/1.0.
  const mirror = `require('node:net').createServer((c)=>{let b='';c.on('error',()=>{});c.on('data',(d)=>{b+=d.toString('latin1');if(b.includes('\\r\\n\\r\\n'))c.end('HTTP/1.0 200 OK\\r\\n\\r\\n'+b)})}).listen(${port},'${SHARED}',()=>console.log('ready'))`
  const mirrored = scenario.start('corp', 'mirror', [process.execPath, '-e', mirror])
  await mirrored.until('ready', () => mirrored.stdout.includes('ready'))
  const grpcPort = takePort()
  const grpc = scenario.start('corp', 'grpc', [process.execPath, '-e', GRPC_SERVER, SHARED, String(grpcPort)])
  await grpc.until('ready', () => grpc.stdout.includes('ready'))
  // A policy that hangs on names: every connection is peeked at.
  const gateway = await start({
    containersProxy: { mode: 'manual', http: SQUID, https: SQUID, exclude: ['never.test'] },
  })
  const url = `http://${SHARED}:${port}/path?query`
  const fetched = async (...args: string[]) =>
    (await box.run(['curl', '-q', '-sS', '-m', '10', ...args])).stdout.replaceAll('\r\n', '\n')

  t.match(await fetched('-0', url), /^GET \/path\?query HTTP\/1\.0\nHost: /, 'HTTP/1.0')
  t.match(
    await fetched('-0', '-H', 'Host:', url),
    /^GET \/path\?query HTTP\/1\.0\nUser-Agent: [^\n]*\nAccept: \*\/\*\n\n$/,
  )
  t.match(await fetched('-H', 'Host:', url), /^GET \/path\?query HTTP\/1\.1\nUser-Agent: [^\n]*\nAccept: \*\/\*\n\n$/)
  t.match(
    await fetched('--request-target', 'http://elsewhere.test/x', url),
    /^GET http:\/\/elsewhere\.test\/x HTTP\/1\.1\nHost: /,
    'absolute-URI GET',
  )
  t.match(
    await fetched('-H', 'Connection: close, X-Odd', '-H', 'X-Odd: 1', '-H', 'Proxy-Connection: keep-alive', url),
    /Connection: close, X-Odd\nX-Odd: 1\nProxy-Connection: keep-alive\n/,
    'fields that a proxy would take away',
  )
  t.match(
    await fetched('--http2-prior-knowledge', '-w', ' %{http_version}', `http://${SHARED}:${grpcPort}/h2c`),
    / 2$/,
    'h2c with prior knowledge',
  )
  const called = await box.run(['node', '-e', GRPC_CLIENT, `http://${SHARED}:${grpcPort}`])
  t.same(
    JSON.parse(called.stdout || '{}'),
    { status: 200, messages: ['one', 'two', 'three'], trailer: '0' },
    `a streaming call like gRPC’s, with its trailer: ${called.stderr}`,
  )
  await gateway.flow('h2c', ({ target }) => target === `${SHARED}:${grpcPort}`)
  await gateway.running.stop()
})

await t.test('behaviour §8.7: an unreachable PAC host stops neither the start nor log-in and pulls', async (t) => {
  const pacPort = takePort()
  const pac = `http://${SHARED}:${pacPort}/proxy.pac`
  const script = `function FindProxyForURL() { return 'PROXY ${squid.name}:${squid.port}' }`
  const serve = `require('node:http').createServer((q,s)=>s.end(process.argv[1])).listen(${pacPort},'${SHARED}',()=>console.log('ready'))`
  const pull = (gateway: Gateway) => curl(scenario, [...through('http', gateway.mixed), origins.https('/v2/')])
  const unreachable = `http://${NOBODY}:1/proxy.pac`

  await t.test('never seen, and `direct` is what the settings say', async (t) => {
    const gateway = await startGateway(scenario, { proxy: { pac: unreachable, onPacFailure: 'direct' } })
    const done = await pull(gateway)
    t.equal(originAnswer(done).from, GATEWAY_FOR_CORP)
    await gateway.running.stop()
  })

  await t.test('never seen, and closed: refused in words that name it, at once after the first', async (t) => {
    const gateway = await startGateway(scenario, { proxy: { pac: unreachable, onPacFailure: 'block' } })
    t.not((await pull(gateway)).code, 0)
    const second = await pull(gateway)
    t.ok(second.ms < 15_000, `${Math.round(second.ms)} ms`)
    const line = await gateway.flow('blocked', ({ decision }) => decision === 'reject')
    t.match(JSON.stringify(line), NOBODY)
    await gateway.running.stop()
  })

  await t.test('seen once: the last good script decides, also after a start without it', async (t) => {
    const server = scenario.start('corp', 'pac', [process.execPath, '-e', serve, script])
    await server.until('ready', () => server.stdout.includes('ready'))
    const policy = { proxy: { pac, onPacFailure: 'lastGood' } }
    const options = { env: { STATE_DIRECTORY: peerFolder(scenario, 'state') } }
    const online = await startGateway(scenario, policy, options)
    t.equal(originAnswer(await pull(online)).from, squid.address)
    await server.stop()
    t.equal(originAnswer(await pull(online)).from, squid.address, 'off the VPN')
    await online.running.stop()
    const offline = await startGateway(scenario, policy, options)
    t.equal(originAnswer(await pull(offline)).from, squid.address, 'and after a start off the VPN')
    await offline.running.stop()
  })
})

await t.test('behaviour §8.9: IPv6 end to end', async (t) => {
  const six = CORP_IPV6['origin.test']
  const url = `http://[${six}]:${origins.ports.http6}/`
  const upstream = `http://[${CORP_IPV6['squid.corp.test']}]:${squid.port}`

  await t.test('direct: captured, by address and by a name told over IPv6; by SOCKS; by HTTP', async (t) => {
    const gateway = await start()
    const plain = await box.run(['curl', '-q', '-sS', '-m', '10', url])
    t.match(plain.stdout, `"from":"${GATEWAY_IPV6}"`, `captured ${plain.stderr}`)
    t.same(await answers('six.sites.test', 'AAAA', DNS_IPV6), [six], 'asked over IPv6')
    const named = await visit('six.sites.test', `http://six.sites.test:${origins.ports.http6}/`)
    t.match(named.stdout, `"from":"${GATEWAY_IPV6}"`, named.stderr)
    await gateway.running.stop()
    const doors = await startGateway(scenario, {})
    for (const way of ['socks5', 'socks5h', 'http'] as const) {
      const done = await curl(scenario, [...through(way, doors.mixed), '-p', url])
      t.match(done.stdout, `"from":"${GATEWAY_IPV6}"`, `${way} ${done.stderr}`)
    }
    await doors.running.stop()
  })

  await t.test('through an upstream that is reached over IPv6', async (t) => {
    const gateway = await start({ containersProxy: { mode: 'manual', http: upstream, https: upstream } })
    const before = squid.log().length
    const done = await box.run(['curl', '-q', '-sS', '-m', '10', url])
    t.match(done.stdout, '"from":"fd77:2::', done.stderr)
    await squid.running.until('squid’s line', () => squid.log().slice(before).includes(six))
    t.match(squid.log().slice(before), GATEWAY_IPV6, 'whose client came over IPv6')
    await gateway.running.stop()
  })
})

await t.test('behaviour §8.11: host.docker.internal has no AAAA that leads nowhere', async (t) => {
  const server = createServer((_request, response) => response.end('a service of the host'))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const gateway = await start()
  t.match(await answers('host.docker.internal', 'A'), [/^192\.168\.65\.254$/])
  t.same(await answers('host.docker.internal', 'AAAA'), [], 'asked over IPv4, by a client that may have no IPv6')
  const dug = await box.run(['dig', '+tries=1', `@${DNS}`, 'host.docker.internal', 'AAAA'])
  t.match(dug.stdout, /status: NOERROR/, 'NODATA, not NXDOMAIN: the name exists')
  const [six] = await answers('host.docker.internal', 'AAAA', DNS_IPV6)
  t.match(six, /^fdc4:/, 'asked over IPv6')
  for (const address of [`[${six}]`, '192.168.65.254']) {
    const done = await box.run(['curl', '-q', '-sS', '-m', '5', `http://${address}:${port}/`])
    t.equal(done.stdout, 'a service of the host', `${address} leads to the host’s loopback ${done.stderr}`)
  }
  await gateway.running.stop()
})
