// The service `tests`: its exit code is the result. It shares the client's network namespace, and judges by what the client got and by what the
// upstreams' own logs say.
import { equal, match, notEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import test from 'node:test'
import { curl, WAYS } from './probes.mjs'

const GATEWAY = '10.86.0.2'
/** As whom the origin sees each way. */
const PEERS = { direct: GATEWAY, squid: '10.86.0.10', dante: '10.86.0.11' }
const log = (name) => readFileSync(`/logs/${name}.log`, 'utf8')
const client = JSON.parse(readFileSync('/logs/client.json', 'utf8'))
const show = (result) => JSON.stringify(result)

test('the client knows nothing of proxies', () => {
  const known = client.environment.filter((name) => /proxy/i.test(name))
  equal(known.join(), '')
})

for (const way of WAYS) {
  const results = client[way]
  for (const probe of ['http', 'https', 'python', 'node', 'oldHttp']) {
    test(`${probe} to ${way}.example.test comes from ${PEERS[way]}`, () => {
      equal(results[probe].code, 0, show(results[probe]))
      const said = JSON.parse(results[probe].out)
      equal(said.peer, PEERS[way])
      equal(said.host, `${way}.example.test`)
      // squid speaks HTTP/1.1 for everybody only where it is spoken to in HTTP; a tunnel changes nothing.
      equal(said.version, probe === 'oldHttp' ? '1.0' : '1.1')
    })
  }
  test(`git and apt, over ${way}`, () => {
    equal(results.git.code, 0, show(results.git))
    equal(results.git.out, 'fetched by git\n')
    equal(results.apt.code, 0, show(results.apt))
    match(results.apt.out, /^fairlead-compose_1\.0_all\.deb$/m)
  })
  test(`a server that speaks first, over ${way}`, () => {
    equal(results.banner.code, 0, show(results.banner))
    equal(JSON.parse(results.banner.out.replace(/^220 /, '')).peer, PEERS[way])
  })
}

test('squid’s own log has its flows, by name, and no others', () => {
  match(log('squid'), /CONNECT squid\.example\.test:443/)
  match(log('squid'), /CONNECT squid\.example\.test:2525/)
  ok(!/direct\.example|dante\.example|blocked\.example/.test(log('squid')), log('squid'))
})

test('dante’s own log has its flows, and no others', () => {
  const connects = log('dante')
    .split('\n')
    .filter((line) => / pass\(\d+\): tcp\/connect/.test(line))
  ok(connects.some((line) => /[. ](443)\b/.test(line)) && connects.some((line) => /2525/.test(line)), log('dante'))
  for (const line of connects) match(line, new RegExp(`${GATEWAY.replaceAll('.', '\\.')}\\.\\d+`))
})

test('by address, too', () => {
  equal(client.address.code, 0, show(client.address))
  equal(JSON.parse(client.address.out).peer, GATEWAY)
})

test('a name that only the company’s DNS server knows', () => {
  equal(client.onlyDns.code, 0, show(client.onlyDns))
})

test('the registry, with TLS from the test authority', () => {
  equal(client.registry.code, 0, show(client.registry))
  match(client.registry.out, /docker-distribution-api-version: registry\/2\.0/i)
})

test('what the policy rejects is refused at once', () => {
  for (const result of Object.values(client.blocked)) {
    notEqual(result.code, 0)
    equal(result.out, '')
    ok(result.ms < 3000, show(result))
  }
})

test('nothing has reached the origin but from the gateway and the proxies', () => {
  const peers = new Set(
    log('origin')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).peer),
  )
  equal([...peers].sort().join(), Object.values(PEERS).sort().join())
})

test('the only way out of the client’s network is the gateway', async () => {
  match(client.route.out, /^default via 10\.86\.1\.1 dev \S+\s*$/)
  const own = Object.values(networkInterfaces())
    .flat()
    .filter((one) => one.family === 'IPv4' && !one.internal)
  equal(own.length, 1, show(own))
  match(own[0].address, /^10\.86\.1\./)
  // The engine's host would be the other way out: it has no address here, and so nobody who would forward for it.
  const neighbours = readFileSync('/proc/net/arp', 'utf8').trim().split('\n').slice(1)
  for (const line of neighbours) match(line, /^10\.86\.1\.1 /)
})

test('metadata services and the gateway’s own loopback stay out of reach', async () => {
  for (const address of ['169.254.169.254', '127.0.0.1']) {
    const { code } = await curl('--connect-timeout', '3', '--interface', own(), `http://${address}/`)
    notEqual(code, 0)
  }
})

function own() {
  const all = Object.values(networkInterfaces()).flat()
  return all.find((one) => one.family === 'IPv4' && !one.internal).address
}

test('the gateway’s status and metrics are not for the client', async () => {
  const refused = await new Promise((resolve) => {
    const socket = connect({ host: '10.86.1.1', port: 9090, timeout: 3000 })
    socket
      .once('connect', () => resolve(false))
      .once('error', () => resolve(true))
      .once('timeout', () => resolve(true))
    socket.once('close', () => socket.destroy())
  })
  ok(refused)
})
