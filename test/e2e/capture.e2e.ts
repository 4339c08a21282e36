import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { BOX, BRIDGE, BRIDGE_ADDRESS, startBox } from './harness/box.ts'
import { aptFolders } from './harness/clients/apt.ts'
import { launchGateway, type Policy, startGateway } from './harness/gateway.ts'
import { CORP, CORP_IPV6, GATEWAY_FOR_CORP } from './harness/lab.ts'
import { startAptRepository } from './harness/origins/apt-repository.ts'
import { startGitServer } from './harness/origins/git-server.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { startDante } from './harness/peers/dante.ts'
import { peerFolder } from './harness/peers/peer.ts'
import { startSquid } from './harness/peers/squid.ts'
import { takePort } from './harness/ports.ts'
import { joinScenario } from './harness/scenario.ts'

// A host that knows nothing of proxies, behind a bridge whose only way out is the gateway: its programs reach what the policy lets them reach, by the
// way it says, and are told the truth about what they cannot reach.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)
const squid = await startSquid(scenario)
const dante = await startDante(scenario)
const box = await startBox(scenario)
const SQUID = `http://${squid.name}:${squid.port}`
const DANTE = `socks5://${dante.name}:${dante.port}`
/** Nobody has this address, and the gateway has a route to its network: the host is unreachable. */
const NOBODY = '10.77.2.99'
/** The gateway has no route there. */
const NO_ROUTE = '198.51.100.7'

/** Tries every 20 ms, for half a minute, until something is heard. */
const INSISTENT = `
const [host, port] = process.argv.slice(1)
setTimeout(() => process.exit(1), 30_000)
setInterval(() => {
  const socket = require('node:net').connect({ host, port }).on('error', () => {})
  socket.on('data', (data) => process.stdout.write(data, () => process.exit(0)))
  socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
}, 20)`

/** Something bound to the host's loopback: says hello by TCP, and what it has heard by UDP. */
const SERVICE = `
const tcp = require('node:net').createServer((socket) => socket.on('error', () => {}).end('hello'))
const echo = (family, wanted, address) => new Promise((resolve) => {
  const udp = require('node:dgram').createSocket(family, (data, from) => udp.send('heard ' + data, from.port, from.address))
  udp.bind(wanted, address, () => resolve(udp.address().port))
})
const udps = [echo('udp4', 0, '127.0.0.1'), echo('udp6', 0, '::1'), echo('udp4', 443, '127.0.0.1')]
tcp.listen(0, '127.0.0.1', async () => {
  const [udp, udp6, quic] = await Promise.all(udps)
  console.log(JSON.stringify({ tcp: tcp.address().port, udp, udp6, quic }))
})`

/** One question, and its answer or error. */
const ASK_BY_UDP = `
const [address, port] = process.argv.slice(1)
const socket = require('node:dgram').createSocket('udp4')
const told = (text) => process.stdout.write(text, () => process.exit())
socket.on('error', ({ code }) => told(code)).on('message', (data) => told(String(data)))
socket.connect(Number(port), address, () => socket.send('x'))
setTimeout(() => told('silence'), 3_000)`

/** Says a word to whoever comes, and ends the connection first, over both families; at a port that it is told, or any. */
const FAREWELL = `
const [port, word] = process.argv.slice(1)
const server = require('node:net').createServer((socket) => socket.on('error', () => {}).end(word))
server.listen(Number(port), '::', () => console.log('at', server.address().port))`

/** Connections that are reset as soon as they stand, twenty at a time. */
const RESETS = `
const [host, port, count] = process.argv.slice(1)
const one = () => new Promise((resolve, reject) => {
  const socket = require('node:net').connect({ host, port }, () => {
    socket.write('0123456789')
    socket.resetAndDestroy()
  })
  socket.on('close', resolve).on('error', reject)
})
const many = async () => { for (let done = 0; done < count / 20; done += 1) await one() }
Promise.all(Array.from({ length: 20 }, many))`

/** So many attempts, none of which is waited for. */
const BURST = `
use strict;
use Socket qw(:DEFAULT SOCK_NONBLOCK);
my ($host, $port, $count) = @ARGV;
my $to = pack_sockaddr_in($port, inet_aton($host));
my @kept;
for (1 .. $count) {
  socket(my $one, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or die "socket: $!";
  connect($one, $to) or $!{EINPROGRESS} or die "connect: $!";
  push @kept, $one;
}`

/** Seven bytes, one of them urgent, and the end; and what is answered. */
const URGENT = `
use strict;
use Socket;
my ($host, $port) = @ARGV;
socket(my $one, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
connect($one, pack_sockaddr_in($port, inet_aton($host))) or die "connect: $!";
send($one, 'abc', 0) and send($one, 'D', MSG_OOB) and send($one, 'ef.', 0) or die "send: $!";
shutdown($one, 1);
print while <$one>;`

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
/** What the origin says of it. */
const saidUrgently = async (): Promise<object> => {
  const { stdout } = await box.run(['perl', '-e', URGENT, origins.address, String(origins.ports.late)])
  return JSON.parse(stdout.slice(0, stdout.indexOf('\n'))) as object
}

const kernelBefore = await kernelState()
const captured = { enabled: true, networks: [], interfaces: [BRIDGE] }
const start = (policy: Policy = {}, capture: object = {}) =>
  startGateway(scenario, { ...policy, capture: { ...captured, ...capture } })

await t.test('without the gateway there is no way out', async (t) => {
  for (const address of [CORP['origin.test'], CORP_IPV6['origin.test']]) {
    const talked = await box.talk(address, origins.ports.http, { say: ['x'], limitMs: 1_000 })
    t.equal(talked.connectMs, undefined, `${address}: ${talked.error ?? 'no answer'}`)
  }
})

await t.test('programs without any proxy setting, each way that a PAC file says', async (t) => {
  const pac = `function FindProxyForURL(url, host) {
    // By the port, for every port but 80 is https to a script.
    if (url.indexOf('https:') !== 0) return 'PROXY reject.fairlead.internal:1'
    if (url.indexOf(':${origins.ports.https}') > 0) return 'SOCKS5 dante.corp.test:${dante.port}'
    if (host === 'origin.test') return 'PROXY squid.corp.test:${squid.port}'
    return 'DIRECT'
  }`
  const gateway = await start({ containersProxy: { mode: 'manual', embeddedPac: pac } })

  for (const [url, route, from, source] of [
    [origins.http(), SQUID, squid.address, 'http-host'],
    [origins.https(), DANTE, dante.address, 'sni'],
    [`http://${origins.address}:${origins.ports.http}/`, 'direct', GATEWAY_FOR_CORP, undefined],
  ] as const) {
    await t.test(`curl and wget: ${url}`, async (t) => {
      for (const argv of [
        ['curl', '-q', '-sS', '--cacert', scenario.ca.file, url],
        ['wget', '--no-config', '--tries=1', '-q', '-O-', `--ca-certificate=${scenario.ca.file}`, url],
      ]) {
        const before = gateway.flows().length
        const done = await box.run(argv)
        t.equal(done.code, 0, done.stderr)
        t.equal((JSON.parse(done.stdout) as { from: string }).from, from, 'the origin saw whom it should')
        const line = await gateway.flow(url, (flow) => flow.target === new URL(url).host, before)
        t.match(line, { route, scope: 'containers', door: 'capture', ended: /finished|client-reset/ })
        t.equal(line.captured?.dialled, `${origins.address}:${new URL(url).port}`)
        t.equal(line.captured?.nameSource, source)
        t.match(line.client, new RegExp(`^${BOX.ipv4}:`))
      }
    })
  }
  t.match(squid.log(), `CONNECT origin.test:${origins.ports.http}`, 'squid was asked for the name')
  t.match(dante.log(), `.${origins.ports.https}`, 'dante’s own log shows it')

  await t.test('git clone', async (t) => {
    const server = await startGitServer(scenario)
    for (const url of [server.http, server.https]) {
      const work = join(peerFolder(scenario, 'clone'), 'project')
      const clone = await box.run(['git', '-c', `http.sslCAInfo=${scenario.ca.file}`, 'clone', '-q', url, work])
      t.equal(clone.code, 0, clone.stderr)
      t.equal(readFileSync(join(work, 'message'), 'utf8'), server.message, url)
    }
  })

  await t.test('apt', async (t) => {
    const repository = await startAptRepository(scenario)
    for (const url of [repository.http, repository.https]) {
      const { env, cwd } = aptFolders(scenario, url)
      const update = await box.run(['apt-get', 'update'], env)
      t.equal(update.code, 0, update.stderr)
      const get = ['sh', '-c', `cd ${cwd} && exec apt-get download ${repository.package}=${repository.version}`]
      t.equal((await box.run(get, env)).code, 0, url)
    }
  })
  await gateway.running.stop()
})

await t.test('through a chain', async (t) => {
  const chain = [squid.url('http'), dante.url('socks5h')]
  const gateway = await start({ containersProxy: { mode: 'manual', http: chain, https: chain } })
  const before = { squid: squid.log().length, dante: dante.log().length }
  const greeting = `220 origin speaks first to ${dante.address}\r\nhello\r\n`
  const said = { say: ['hello\r\n'], enough: greeting.length }
  const banner = await box.talk(origins.address, origins.ports.banner, said)
  t.match(banner.heard, greeting)
  const silent = await box.talk(origins.address, origins.ports.banner, { enough: 30 })
  t.match(silent.heard, '220 origin speaks first', 'a client that waits for its server gets its greeting')
  t.ok(silent.firstByteMs! < 3_000, `after ${Math.round(silent.firstByteMs!)} ms`)
  const line = await gateway.flow('banner', (flow) => flow.target.endsWith(`:${origins.ports.banner}`))
  t.equal(line.route, `${SQUID} > ${DANTE.replace('socks5', 'socks5h')}`)
  t.match(squid.log().slice(before.squid), `CONNECT dante.corp.test:${dante.port}`)
  t.match(dante.log().slice(before.dante), `.${origins.ports.banner}`)
  await gateway.running.stop()
})

await t.test('the truth comes back', async (t) => {
  const gateway = await start()
  await t.test('refused', async (t) => {
    const talked = await box.talk(origins.address, 1, {})
    t.equal(talked.error, 'ECONNREFUSED')
    t.equal(talked.connectMs, undefined, 'and was never connected')
  })
  await t.test('refused, over IPv6', async (t) => {
    t.equal((await box.talk(CORP_IPV6['origin.test'], 1, {})).error, 'ECONNREFUSED')
  })
  await t.test('refused: the target is asked once for each attempt', async (t) => {
    const count = await countAttempts(t, 1)
    for (let time = 0; time < 5; time++) t.equal((await box.talk(origins.address, 1, {})).error, 'ECONNREFUSED')
    t.equal(await count(), 5)
    const proxy = `http://127.0.0.1:${gateway.mixed.port}`
    const curl = ['curl', '-q', '-sS', '-p', '-x', proxy, `http://${origins.address}:1/`]
    t.match((await scenario.run('gateway', curl)).stderr, '502')
    t.equal(await count(), 6, 'of a program that knows of the proxy, too')
  })
  await t.test('no such host', async (t) => {
    const before = gateway.flows().length
    t.equal((await box.talk(NOBODY, 80, { limitMs: 10_000 })).error, 'EHOSTUNREACH')
    // It takes as long to learn that nobody has the address as to send the SYN for the third time.
    t.equal((await box.talk(NOBODY, 81, { limitMs: 10_000 })).error, 'EHOSTUNREACH')
    await gateway.flow('the second', ({ target }) => target === `${NOBODY}:81`, before)
    t.equal(
      gateway
        .flows()
        .slice(before)
        .filter(({ target }) => target === `${NOBODY}:80`).length,
      1,
      'one flow',
    )
  })
  await t.test('no such network', async (t) => {
    t.match((await box.talk(NO_ROUTE, 80, {})).error, /ENETUNREACH|EHOSTUNREACH/)
  })
  await t.test('no answer: none either, and one flow for all repetitions', async (t) => {
    await scenario.run('corp', [
      'nft',
      'add table ip quiet; add chain ip quiet in { type filter hook input priority 0; }; add rule ip quiet in tcp dport 9 drop',
    ])
    t.teardown(() => scenario.run('corp', ['nft', 'delete table ip quiet']).then(() => {}))
    const before = gateway.flows().length
    await gateway.reload({ timeouts: { dial: '1500ms', attempt: '1500ms' }, capture: captured })
    const talked = await box.talk(origins.address, 9, { limitMs: 4_500 })
    t.equal(talked.error, undefined, 'not refused')
    t.equal(talked.connectMs, undefined, 'and not connected')
    const line = await gateway.flow('silence', (flow) => flow.target.endsWith(':9'), before)
    t.equal(line.error?.code, 'CONNECT_TIMEOUT')
    t.equal(
      gateway
        .flows()
        .slice(before)
        .filter((flow) => flow.target.endsWith(':9')).length,
      1,
    )
    await gateway.reload({ capture: captured })
  })
  await t.test('forbidden by the rules of access', async (t) => {
    const talked = await box.talk('169.254.169.254', 80, {})
    t.equal(talked.error, 'ECONNREFUSED')
    const line = await gateway.flow('metadata', (flow) => flow.target === '169.254.169.254:80')
    t.match(line, { decision: 'reject', because: { source: 'access' } })
  })
  await t.test('connected only when the way out stands', async (t) => {
    const talked = await box.talk(origins.address, origins.ports.banner, { enough: 10 })
    t.match(talked.heard, GATEWAY_FOR_CORP)
  })
  await t.test('what goes out directly is served by the thread in front', async (t) => {
    const before = (await gateway.status()).frontTunnels
    for (let time = 0; time < 3; time++) await box.talk(origins.address, origins.ports.banner, { enough: 10 })
    const { frontTunnels } = await gateway.status()
    t.ok(
      frontTunnels > before,
      `${frontTunnels}, of 3 more than ${before}, but for those that a busy machine has given to the door`,
    )
  })
  await t.test('an urgent byte stays where it is', async (t) => {
    t.match(await saidUrgently(), { length: 7, sha256: sha256('abcDef.') })
  })
  await gateway.running.stop()
})

await t.test('the thread in front dies: what is held is answered all the same, by the main thread', async (t) => {
  const gateway = await startGateway(
    scenario,
    { capture: captured },
    { env: { NODE_OPTIONS: `--require=${fileURLToPath(new URL('harness/front-fault.cjs', import.meta.url))}` } },
  )
  const served = async () => (await gateway.status()).frontTunnels
  await gateway.running.until('the thread serves', async () => {
    await box.talk(origins.address, origins.ports.banner, { enough: 10 })
    return (await served()) > 0
  })
  // The count of those before may come after their end.
  await gateway.running.until('their end', async () => (await gateway.status()).liveFlows === 0)
  const before = await served()
  const standing = box.talk(origins.address, origins.ports.banner, { limitMs: 20_000 })
  await gateway.running.until('one more stands', async () => {
    const { frontTunnels, liveFlows } = await gateway.status()
    return frontTunnels > before && liveFlows > 0
  })
  gateway.running.signal('SIGUSR2')
  await gateway.running.until('the loss in the log', () =>
    gateway.log().some(({ msg }) => msg === 'clients are served without the thread in front: a fault of the test'),
  )
  t.match(
    await standing,
    { heard: /^220 origin/, error: 'ECONNRESET' },
    'its connections are lost with it, and are told so',
  )
  const tunnels = await served()
  for (const [name, address] of Object.entries({ IPv4: origins.address, IPv6: CORP_IPV6['origin.test'] })) {
    const refused = await box.talk(address, 1, {})
    t.match(refused, { error: 'ECONNREFUSED', connectMs: undefined }, `${name}: refused, and never connected`)
  }
  t.match((await box.talk(origins.address, origins.ports.banner, { enough: 10 })).heard, GATEWAY_FOR_CORP)
  t.match((await request(CORP_IPV6['origin.test'], origins.ports.http6)).heard, '"from":"fd77:2::1"')
  const { doors, frontTunnels } = await gateway.status()
  t.equal(frontTunnels, tunnels, 'by the main thread')
  t.notMatch(doors.join(), 'accepts first')
  await gateway.running.stop()
})

await t.test('one client leaves room for all others', async (t) => {
  // One after the other, all kept; then a client of another address.
  const script = `
    const net = require('node:net')
    const ask = (host, port, say) => new Promise((resolve) => {
      const socket = net.connect(port, host).on('error', ({ code }) => resolve(code)).on('data', () => resolve('answered'))
      socket.write(say)
    })
    ;(async () => {
      const told = []
      while (told.length < 12) told.push(await ask('${origins.address}', ${origins.ports.banner}, ''))
      const other = await ask('${CORP_IPV6['origin.test']}', ${origins.ports.http6}, 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
      process.stdout.write(JSON.stringify({ told, other }), () => process.exit())
    })()`
  for (const [hold, refusal] of [
    ['auto', 'ECONNREFUSED'],
    ['off', 'ECONNRESET'],
  ] as const) {
    await t.test(`hold: ${hold}`, async (t) => {
      const gateway = await start({ limits: { connections: 12 } }, { hold })
      const done = await box.run(['node', '-e', script])
      const { told, other } = JSON.parse(done.stdout || '{}') as { told: string[]; other: string }
      t.same(told, [...Array(6).fill('answered'), ...Array(6).fill(refusal)], done.stderr)
      t.equal(other, 'answered', 'the client of the other address')
      const warnings = gateway.log().filter(({ msg }) => msg?.includes('limits.connections'))
      t.equal(warnings.length, 1)
      t.match(warnings[0]?.msg, `capture: ${BOX.ipv4} has as many connections`)
      await gateway.running.stop()
    })
  }
})

await t.test('fewer connections allowed than there are, by a reload: who comes then is reset, not ended', async (t) => {
  const gateway = await start({}, { hold: 'off' })
  const standing = dialogue(origins.ports.banner, 50)
  await gateway.running.until('it stands', async () => (await gateway.status()).clientConnections > 0)
  await gateway.reload({ limits: { connections: 1 }, capture: { ...captured, hold: 'off' } })
  const { heard, error } = await box.talk(origins.address, origins.ports.banner, { enough: 10 })
  t.match({ heard, error }, { heard: '', error: 'ECONNRESET' })
  t.match(await standing, { lines: 50, ended: true })
  await gateway.running.stop()
})

await t.test('attempts that come while nobody reads them wait to be read; what finds no room is told', async (t) => {
  const gateway = await start()
  /** 2,000 of each, all at once. */
  const burst = async (programs: number) => {
    const script = 'ulimit -n 4096 && for one in $(seq "$1"); do perl -e "$0" "$2" 80 2000 & done; wait'
    const done = await box.run(['sh', '-c', script, BURST, `${programs}`, NO_ROUTE])
    if (done.stderr !== '') throw new Error(done.stderr)
  }
  /** Of nfnetlink_queue(8): dropped because too many were held, and because too many waited to be read. */
  const dropped = async () => {
    const { stdout } = await scenario.run('gateway', ['cat', '/proc/net/netfilter/nfnetlink_queue'])
    const [, , , , , held, unread] = stdout.trim().split(/\s+/).map(Number)
    return { held, unread }
  }
  gateway.running.signal('SIGSTOP')
  try {
    await burst(1)
    t.same(await dropped(), { held: 0, unread: 0 })
    await burst(12)
    const { held, unread } = await dropped()
    t.equal(held, 0, 'none that nobody counts')
    t.ok(unread! > 1_000, `${unread}`)
  } finally {
    gateway.running.signal('SIGCONT')
  }
  await gateway.running.until('it is told', () =>
    gateway.log().some(({ msg }) => /^capture: \d+ connection attempts came faster/.test(msg ?? '')),
  )
  const talked = await box.talk(origins.address, origins.ports.banner, { enough: 10 })
  t.match(talked.heard, GATEWAY_FOR_CORP, 'and it goes on')
  await gateway.running.stop()
})

await t.test('a late verdict says nothing about who has the same number in another binding of the queue', async (t) => {
  const [queue, port] = ['7801', '4711']
  const script = fileURLToPath(new URL('harness/late-verdict.mjs', import.meta.url))
  const hold = `iptables -A OUTPUT -o lo -p tcp --dport ${port} --syn -m mark --mark 0 -j NFQUEUE --queue-num ${queue}`
  // In a network of its own, so that its rule goes with it.
  const command = `ip link set lo up && ${hold} && exec node ${script} ${queue} ${port}`
  const done = await scenario.run('gateway', ['unshare', '--net', 'sh', '-c', command])
  t.same(JSON.parse(done.stdout || '{}'), { before: 1, now: 1, told: 'nothing' }, done.stderr)
})

await t.test('under a policy, too, where the dialled address alone decides', async (t) => {
  const gateway = await start({
    containersProxy: { mode: 'manual', https: SQUID, http: SQUID, exclude: ['named.test', '10.77.2.0/24'] },
  })
  for (const [address, port, error] of [
    [origins.address, 1, 'ECONNREFUSED'],
    [NOBODY, 80, 'EHOSTUNREACH'],
  ] as const) {
    const talked = await box.talk(address, port, { limitMs: 10_000 })
    t.equal(talked.error, error, 'the block of `exclude` holds it: the client is told what the network said')
    t.equal(talked.connectMs, undefined, 'and was never connected')
  }
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"')
  const elsewhere = await box.talk(NO_ROUTE, 1, { say: ['x'] })
  t.equal(elsewhere.error, 'ECONNRESET', 'elsewhere its first bytes may name it: connected first')
  t.ok(elsewhere.connectMs !== undefined)
  await gateway.running.stop()
})

await t.test('behaviour §8.3: bytes pass unchanged', async (t) => {
  // Names matter, so every connection is peeked at: the harder case.
  const gateway = await start({
    containersProxy: { mode: 'manual', https: dante.url('socks5'), http: dante.url('socks5') },
  })
  const hello = readFileSync(new URL('../fixtures/client-hello.bin', import.meta.url))
  for (const [title, ...say] of [
    ['HTTP/1.0 without Host', 'GET / HTTP/1.0\r\n\r\n'],
    ['HTTP/1.1 without Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['absolute-form', 'GET http://elsewhere.test/ HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n'],
    ['HTTP/2 in clear', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'],
    ['bare LF and folded fields', 'GET / HTTP/1.1\nHost: origin.test\n  folded\nX:\ty \n\n'],
    ['a ClientHello in two segments', hello.subarray(0, 70), hello.subarray(70)],
    ['half a ClientHello and the end', hello.subarray(0, 70)],
    ['not a protocol at all', randomBytes(1000)],
    ['a large first flight', randomBytes(80_000)],
    ['one byte', 'x'],
    ['nothing', ''],
  ] as const) {
    await t.test(title, async (t) => {
      const sent = Buffer.concat(say.map((part) => Buffer.from(part as string)))
      const talked = await box.talk(origins.address, origins.ports.late, {
        say,
        pauseMs: 20,
        end: true,
        limitMs: 10_000,
      })
      const line = JSON.parse(talked.heard.slice(0, talked.heard.indexOf('\n'))) as object
      t.match(
        line,
        { from: dante.address, length: sent.length, sha256: sha256(sent) },
        'and the late reply came after the client’s FIN',
      )
    })
  }
  await t.test('an urgent byte', async (t) => {
    t.match(await saidUrgently(), { from: dante.address, length: 7, sha256: sha256('abcDef.') })
  })
  await t.test('the server ends first', async (t) => {
    const said = randomBytes(5000)
    const talked = await box.talk(origins.address, origins.ports.farewell, { say: [said], end: true })
    t.match(talked.heard, '221 goodbye')
  })
  await t.test('WebSocket', async (t) => {
    const key = randomBytes(16).toString('base64')
    const talked = await box.talk(origins.address, origins.ports.http, {
      say: [
        `GET /socket HTTP/1.1\r\nHost: origin.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
      ],
      enough: 145, // the head of the answer, and the greeting
    })
    t.match(talked.heard, /^HTTP\/1\.1 101 /)
    t.match(talked.heard, `hello ${dante.address}`)
  })
  await gateway.running.stop()
})

await t.test('behaviour §8.4: the dialled address is the authority, whatever Host says', async (t) => {
  const lie = `GET / HTTP/1.1\r\nHost: ${squid.name}\r\nConnection: close\r\n\r\n`
  for (const trust of ['address', 'name', 'reject'] as const) {
    const gateway = await start({ containersProxy: { mode: 'manual', exclude: ['*'] } }, { trust })
    const talked = await box.talk(origins.address, origins.ports.http, { say: [lie] })
    const line = await gateway.flow(
      trust,
      (flow) => flow.captured?.dialled === `${origins.address}:${origins.ports.http}`,
    )
    t.equal(line.scheme, 'https', 'by the port, and not by what was heard')
    if (trust === 'reject') {
      t.equal(talked.error, 'ECONNRESET')
      t.match(line, { decision: 'reject', because: { source: 'name-mismatch' } })
      t.match(
        (await box.run(['getent', 'ahostsv4', 'origin.test'])).stdout,
        origins.address,
        'its DNS tells it one name',
      )
      const again = await box.talk(origins.address, origins.ports.http, { say: [lie] })
      t.equal(again.error, 'ECONNRESET', 'which says nothing for another')
      const meant = await box.talk(origins.address, origins.ports.http, {
        say: [lie.replace(squid.name, 'origin.test')],
      })
      t.match(meant.heard, `"from":"${GATEWAY_FOR_CORP}"`, 'and is believed where it is meant')
    } else {
      t.match(talked.heard, `"from":"${GATEWAY_FOR_CORP}"`, `${trust}: the dialled origin answers`)
      if (trust === 'name')
        t.match(line, { target: `${squid.name}:${origins.ports.http}`, captured: { nameSource: 'http-host' } })
      else t.match(line, { target: `${origins.address}:${origins.ports.http}`, captured: { disbelieved: squid.name } })
    }
    await gateway.running.stop()
  }
})

await t.test('reset by the client at once, after it was let in to be looked at: each leaves its line', async (t) => {
  const gateway = await start({ containersProxy: { mode: 'manual', http: SQUID, https: SQUID } })
  const { code, stderr } = await box.run(['node', '-e', RESETS, CORP['origin.test'], String(origins.ports.http), '200'])
  t.equal(code, 0, stderr)
  const talked = await box.talk(CORP['origin.test'], origins.ports.banner, { enough: 10 })
  t.equal(talked.error, undefined)
  await gateway.flow('the last one', ({ captured }) => captured?.dialled.endsWith(`:${origins.ports.banner}`) ?? false)
  await gateway.running.stop()
  const lines = gateway.flows().filter(({ captured }) => captured?.dialled.endsWith(`:${origins.ports.http}`))
  t.equal(lines.length, 200)
})

await t.test('transparentPorts, and what becomes of the others', async (t) => {
  const only = { containersProxy: { mode: 'none', transparentPorts: String(origins.ports.http) } }
  const gateway = await start(only, { otherPorts: 'refuse' })
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"', 'a port that is captured')
  t.equal((await box.talk(origins.address, origins.ports.banner, {})).error, 'ECONNREFUSED', 'refused')
  await gateway.reload({ ...only, capture: captured })
  const bypassed = await box.talk(origins.address, origins.ports.banner, { limitMs: 700 })
  t.equal(bypassed.heard, '', 'bypass: left to the host, which does not forward')
  const flows = gateway.flows().filter((flow) => flow.target.endsWith(`:${origins.ports.banner}`))
  t.equal(flows.length, 0, 'neither was a flow')
  await gateway.running.stop()
})

await t.test('the host itself, on every port, whatever holds for what leaves', async (t) => {
  const service = scenario.start('gateway', 'service', [process.execPath, '-e', SERVICE])
  await service.until('its ports', () => service.stdout.endsWith('\n'))
  const { tcp, udp, udp6, quic } = JSON.parse(service.stdout) as Record<'tcp' | 'udp' | 'udp6' | 'quic', number>
  const address = `${BRIDGE_ADDRESS}:${takePort()}`
  const listen = { mixed: { address, scope: 'containers', from: ['10.77.5.0/24'] } }
  const policy = { containersProxy: { mode: 'none', transparentPorts: '443' } }
  const gateway = await startGateway(scenario, { ...policy, capture: captured }, { listen })
  const ask = async (address: string, port: number) =>
    (await box.run(['node', '-e', ASK_BY_UDP, address, String(port)])).stdout
  for (const [title, capture, udpPolicy] of [
    ['other ports and UDP refused', { otherPorts: 'refuse', udp: 'deny' }, {}],
    ['other ports and UDP the system’s own', { udp: 'bypass' }, {}],
    ['UDP taken, and sent to an upstream', {}, { udp: { containers: DANTE } }],
    ['UDP taken, and QUIC refused', {}, { udp: { quic: 'refuse' } }],
    ['UDP taken, and refused by the policy', {}, { udp: { containers: 'deny' } }],
  ] as const) {
    await t.test(title, async (t) => {
      await gateway.reload({ ...policy, ...udpPolicy, capture: { ...captured, ...capture } })
      t.match(await box.talk('192.168.65.254', tcp, { enough: 5 }), { heard: 'hello' }, 'TCP')
      const isDenied = 'udp' in udpPolicy && 'containers' in udpPolicy.udp && udpPolicy.udp.containers === 'deny'
      const heard = isDenied ? 'ECONNREFUSED' : 'heard x'
      t.equal(await ask('192.168.65.254', udp), heard, 'UDP')
      t.equal(await ask('192.168.65.254', udp6), heard, 'UDP that is bound to ::1 alone')
      t.equal(await ask('192.168.65.254', quic), heard, 'UDP port 443')
      const url = `http://${origins.address}:${origins.ports.http}/`
      const curl = ['curl', '-q', '-sS', '-m', '5', '-x', 'http://192.168.65.1:3128', url]
      t.match((await box.run(curl)).stdout, '"from"', 'the proxy at the gateway’s address')
    })
  }
  await t.test('dns.hostPorts says which', async (t) => {
    await gateway.reload({ ...policy, dns: { hostPorts: '1' }, capture: captured })
    t.match(await box.talk('192.168.65.254', tcp, {}), { error: 'ECONNREFUSED', connectMs: undefined })
    t.equal(await ask('192.168.65.254', udp), 'ECONNREFUSED')
  })
  await gateway.running.stop()
  service.signal('SIGTERM')
  await service.exited
})

await t.test('behaviour §8.9: IPv6', async (t) => {
  const gateway = await start()
  const talked = await request(CORP_IPV6['origin.test'], origins.ports.http6)
  t.match(talked.heard, '"from":"fd77:2::1"')
  const line = await gateway.flow(
    'IPv6',
    (flow) => flow.target === `[${CORP_IPV6['origin.test']}]:${origins.ports.http6}`,
  )
  t.match(line.client, `[${BOX.ipv6}]`)
  await gateway.running.stop()
})

await t.test('dns.listen at the address of a bridge that comes later', async (t) => {
  const address = '10.77.6.1'
  const dns = { listen: { address: `${address}:53`, from: ['10.77.5.0/24'] } }
  const gateway = await start({ dns })
  t.ok((await gateway.status()).doors.includes(`dns ${address}:53 (waits for the address)`), 'the status says so')
  t.equal(gateway.log().filter(({ msg }) => msg?.includes('it is waited for')).length, 1)
  const dig = async () =>
    (await box.run(['dig', '+short', '+tries=1', '+time=3', `@${address}`, 'host.docker.internal'])).stdout.trim()
  const ip = (...words: string[]) => scenario.run('gateway', ['ip', ...words])
  t.equal((await ip('link', 'add', 'later', 'type', 'bridge')).code, 0)
  try {
    await ip('address', 'add', `${address}/24`, 'dev', 'later')
    await ip('link', 'set', 'later', 'up')
    const answers = async () => (await gateway.status()).doors.includes(`dns ${address}:53`)
    await gateway.running.until('it listens there', answers, 5_000)
    t.equal(await dig(), '192.168.65.254')
  } finally {
    await ip('link', 'delete', 'later')
  }
  await gateway.running.stop()
})

await t.test('a client comes again by the port of a connection that has just ended', async (t) => {
  const counter = `add table inet resets
    add chain inet resets out { type filter hook output priority 0; }
    add rule inet resets out tcp flags & rst == rst counter`
  await box.run(['nft', counter])
  t.teardown(() => box.run(['nft', 'delete table inet resets']).then(() => {}))
  const resets = async () => (await box.run(['nft', 'list table inet resets'])).stdout
  const bridged = (value: number) =>
    scenario.run('gateway', [
      'sysctl',
      '-qw',
      ...['iptables', 'ip6tables'].map((tables) => `net.bridge.bridge-nf-call-${tables}=${value}`),
    ])
  t.teardown(() => bridged(1).then(() => {}))
  for (const [hold, isBridged] of [
    ['auto', 0],
    ['auto', 1],
    ['off', 0],
    ['off', 1],
  ] as const) {
    const gateway = await start({}, { hold })
    for (const [family, address] of [
      ['IPv4', origins.address],
      ['IPv6', CORP_IPV6['origin.test']],
    ] as const) {
      await t.test(`hold: ${hold}, ${family}, ${isBridged ? 'with' : 'without'} br_netfilter`, async (t) => {
        await bridged(isBridged)
        const farewell = scenario.start('corp', 'farewell', [process.execPath, '-e', FAREWELL, '0', 'origin'])
        await farewell.until('its port', () => farewell.stdout.endsWith('\n'))
        const port = Number(/at (\d+)/.exec(farewell.stdout)?.[1])
        // Whoever has the same port on this host must not be taken for it.
        const host = scenario.start('gateway', 'host', [process.execPath, '-e', FAREWELL, String(port), 'host'])
        await host.until('its port', () => host.stdout.endsWith('\n'))
        const localPort = takePort()
        const talk = () => box.talk(address, port, { localPort, limitMs: 10_000 })
        const ended = ['ss', '-tnH', 'state', 'time-wait', 'sport', '=', `:${port}`, 'dport', '=', `:${localPort}`]
        const hasEnded = async () => (await scenario.run('gateway', ended)).stdout !== ''
        const before = await resets()
        t.match(await talk(), { heard: 'origin' })
        await gateway.running.until('the end of it', hasEnded)
        t.match(await talk(), { heard: 'origin' }, 'once more')
        t.equal(await resets(), before, 'and the client has not been told anything of the one before')
        await gateway.running.until('the end of that', hasEnded)
        await farewell.stop()
        const refused = await talk()
        if (hold === 'off') t.match(refused, { heard: '', error: 'ECONNRESET' })
        else t.match(refused, { heard: '', error: 'ECONNREFUSED', connectMs: undefined }, 'refused while it is held')
        await host.stop()
      })
    }
    await gateway.running.stop()
  }
})

await t.test('a SYN that is sent again, for its answer was lost, is the same attempt', async (t) => {
  // The first answer of each family is shorter than that, and two are longer.
  const loss = `add table inet loss
    add chain inet loss in { type filter hook input priority 0; }
    add rule inet loss in tcp flags & (syn | ack) == (syn | ack) quota until 100 bytes drop`
  for (const hold of ['auto', 'off'] as const) {
    await t.test(`hold: ${hold}`, async (t) => {
      const gateway = await start({}, { hold })
      const count = await countAttempts(t, origins.ports.banner)
      await box.run(['nft', loss])
      try {
        const talked = await box.talk(origins.address, origins.ports.banner, { enough: 10, limitMs: 20_000 })
        t.match(talked.heard, GATEWAY_FOR_CORP)
      } finally {
        await box.run(['nft', 'delete table inet loss'])
      }
      t.equal(await count(), 1, 'the target is asked once')
      await gateway.flow('it', ({ target }) => target.endsWith(`:${origins.ports.banner}`))
      await gateway.running.stop()
      t.equal(gateway.flows().length, 1)
    })
  }
})

await t.test('a router on the way to a client says that packets are too large: it is heard', async (t) => {
  const behind = box.startBehind()
  const gateway = await start()
  try {
    for (const host of [
      `${origins.address}:${origins.ports.http}`,
      `[${CORP_IPV6['origin.test']}]:${origins.ports.http6}`,
    ]) {
      const url = `http://${host}/bytes?length=1000000`
      const { stdout } = await behind.run([
        'curl',
        '-q',
        '-sS',
        '-m',
        '30',
        '-o',
        '/dev/null',
        '-w',
        '%{size_download}',
        url,
      ])
      t.equal(stdout, '1000000', host)
    }
  } finally {
    behind.remove()
  }
  await gateway.running.stop()
})

await t.test('behaviour §8.12: a ping to a dead address does not succeed', async (t) => {
  const gateway = await start()
  for (const address of [NOBODY, NO_ROUTE, CORP['origin.test']]) {
    t.not(
      (await box.run(['busybox', 'ping', '-c', '1', '-W', '1', address])).code,
      0,
      `${address}: this host does not forward`,
    )
  }
  t.equal(
    (await box.run(['busybox', 'ping', '-c', '1', '-W', '1', '10.77.5.1'])).code,
    0,
    'the host itself answers for itself',
  )
  await gateway.running.stop()
})

await t.test('UDP denied: the answer comes at once', async (t) => {
  const gateway = await start({}, { udp: 'deny' })
  const script = `const s=require('node:dgram').createSocket('udp4');const b=performance.now();s.connect(443,'${origins.address}',()=>s.send('quic'));s.on('error',(e)=>{console.log(e.code,Math.round(performance.now()-b));process.exit()});setTimeout(()=>{console.log('silence');process.exit()},2000)`
  t.match((await box.run(['node', '-e', script])).stdout, /^ECONNREFUSED \d{1,3}\n/)
  await gateway.running.stop()
})

await t.test('a reload that is rejected changes nothing: rules, doors, DNS, connections', async (t) => {
  const DNS = '10.77.5.1'
  const policy = { dns: { listen: { address: `${DNS}:53`, from: ['10.77.5.0/24'] } }, dnsInhibition: 'none' }
  const gateway = await start(policy)
  const taken = await holdPortAndQueue()
  const state = async () => [
    await kernelState(),
    (await scenario.run('gateway', ['ss', '-tulnH'])).stdout.split('\n').sort(),
    (await gateway.status()).doors,
    (await gateway.status()).generation,
  ]
  const works = async (when: string) => {
    t.match((await request(origins.address, origins.ports.http)).heard, '"from"', `captured, ${when}`)
    for (const server of [DNS, NO_ROUTE]) {
      const dug = await box.run(['dig', '+short', '+tries=1', `@${server}`, 'host.docker.internal'])
      t.match(dug.stdout, /^192\.168\.65\.254$/m, `DNS at ${server}, ${when}`)
    }
  }
  await works('at first')
  const standing = dialogue(origins.ports.banner, 120)
  const before = await state()
  const other = {
    containersProxy: { mode: 'manual' },
    dns: { listen: { address: `${DNS}:5353`, from: ['10.77.5.0/24'] } },
    dnsInhibition: 'none',
  }
  const rules = { ...captured, mark: 0xf1c000, table: 7799, udp: 'deny', hold: 'required' }
  const mixed = [`127.0.0.1:${gateway.mixed.port}`, `127.0.0.1:${takePort()}`]
  for (const [what, rejected, problem] of [
    ['no settings', { ...other, capture: { ...rules, queue: 'many' } }, /queue/],
    [
      'a door that cannot open',
      { ...other, capture: rules, listen: { mixed: [...mixed, `127.0.0.1:${taken.port}`] } },
      /another program is listening/,
    ],
    [
      'rules that cannot be put in force, with doors and DNS made ready',
      { ...other, capture: { ...rules, queue: taken.queue }, listen: { mixed } },
      /queue/,
    ],
    [
      'capture switched off, and a door that cannot open',
      { ...other, capture: { enabled: false }, listen: { mixed: [...mixed, `127.0.0.1:${taken.port}`] } },
      /another program is listening/,
    ],
  ] as const) {
    await gateway.reload(rejected)
    const line = gateway.log().findLast(({ msg }) => msg?.startsWith('settings not reloaded'))
    t.match(JSON.stringify(line), problem, what)
    // What was made ready for nothing is taken away a moment after the answer.
    const isSame = async () => JSON.stringify(await state()) === JSON.stringify(before)
    await gateway.running
      .until(`nothing of ${what}`, isSame, 5_000)
      .catch(async () => t.same(await state(), before, what))
    await works(`after ${what}`)
  }
  t.match(await standing, { lines: 120, ended: true }, 'and a connection went on through it all')
  await taken.running.stop()
  await gateway.running.stop()
})

await t.test(
  'switched off by a reload: what stands lives on, nothing new is taken, and then all of it is gone',
  async (t) => {
    const gateway = await start()
    const doors = async () => (await gateway.status()).doors.join()
    const standing = dialogue(origins.ports.banner, 150)
    await gateway.running.until('it stands', async () => (await gateway.status()).clientConnections > 0)
    const timers = async () =>
      (await scenario.run('gateway', ['ss', '-tnoH', 'state', 'established', 'dst', BOX.ipv4])).stdout
    // Between its lines.
    const hasKeepAlive = async () => (await timers()).includes('timer:(keepalive')
    await gateway.running.until('keep-alive, by which a container that vanishes is noticed', hasKeepAlive)
    await gateway.reload({ capture: { ...captured, enabled: false } })
    await gateway.running.until('the doors know', async () =>
      /capture \(off; 1 connections still stand\)/.test(await doors()),
    )
    const flows = gateway.flows().length
    const missed = await box.talk(origins.address, origins.ports.http, { limitMs: 700 })
    t.equal(missed.connectMs, undefined, 'new ones go the system’s own way, and this host does not forward')
    t.equal(gateway.flows().length, flows)
    t.match(await standing, { lines: 150, ended: true }, 'not a line of the standing one is lost')
    await gateway.running.until('the rules go', async () => (await kernelState()) === kernelBefore, 10_000)
    t.notMatch(await doors(), 'capture')
    await gateway.reload({ capture: captured })
    t.match((await request(origins.address, origins.ports.http)).heard, '"from"', 'and on again')
    await gateway.running.stop()
  },
)

await t.test('behaviour §8.13: a VPN has its host look at marks', async (t) => {
  const gateway = await start()
  const sysctl = (setting: string) => scenario.run('gateway', ['sysctl', '-qw', setting])
  const firewall = `add table inet strict
    add chain inet strict in { type filter hook prerouting priority -140; }
    add rule inet strict in fib saddr . mark . iif oif missing drop`
  const change = async (name: string, value: 0 | 1) => {
    if (name.startsWith('net.')) t.equal((await sysctl(`${name}=${value}`)).code, 0, `${name}=${value}`)
    else await scenario.run('gateway', ['nft', value === 1 ? firewall : 'delete table inet strict'])
  }
  for (const name of [
    // `wg-quick up` sets it for a tunnel that takes everything.
    'net.ipv4.conf.all.src_valid_mark',
    'net.ipv4.tcp_fwmark_accept',
    'the check of sources that firewalld makes',
  ]) {
    await t.test(name, async (t) => {
      await change(name, 1)
      try {
        const addresses = [
          [origins.address, origins.ports.http],
          [CORP_IPV6['origin.test'], origins.ports.http6],
        ] as const
        for (const [address, port] of addresses) {
          t.match((await request(address, port)).heard, '"from"', `${address} answers`)
          t.match(await box.talk(address, 1, {}), { error: 'ECONNREFUSED', connectMs: undefined }, 'and refuses')
        }
      } finally {
        await change(name, 0)
      }
    })
  }
  await gateway.running.stop()
})

await t.test('a second gateway: refused, and the rules of the first stay', async (t) => {
  const first = await start()
  await t.rejects(
    start({}, { mark: 0xf1b000 }),
    /capture: a gateway runs here: the rules lead to port \d+, which is open/,
  )
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"', 'captured as before')
  await first.flow('the first gateway’s', ({ door }) => door === 'capture')
  await first.running.stop()
})

await t.test('a second gateway beside a capture that was switched off: it is not replaced', async (t) => {
  const first = await start()
  const standing = dialogue(origins.ports.banner, 100)
  await first.running.until('it stands', async () => (await first.status()).liveFlows > 0)
  await first.reload({ capture: { ...captured, enabled: false } })
  const second = await start({}, { mark: 0xf1b000, table: 7788 })
  const before = second.flows().length
  await first.reload({ capture: captured })
  const line = first.log().findLast(({ msg }) => msg?.startsWith('settings not reloaded'))
  t.match(JSON.stringify(line), /a gateway runs here: the rules lead to port \d+, which is open/)
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"')
  await second.flow('the second gateway’s', ({ door }) => door === 'capture', before)
  await standing
  await first.running.stop()
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"', 'nor when the first ends')
  await second.running.stop()
})

await t.test('a second gateway, while the first still drains, holds attempts as soon as that has gone', async (t) => {
  const DNS = '10.77.5.1'
  const policy = { dns: { listen: { address: `${DNS}:53`, from: ['10.77.5.0/24'] } }, dnsInhibition: 'none' }
  const first = await start(policy)
  const standing = dialogue(origins.ports.banner, 300)
  // An attempt that is still held counts as a connection of the gateway's, and is reset by its end; the kernel has a socket only of what was let in.
  const sockets = ['ss', '-tnH', 'state', 'established', 'dst', BOX.ipv4, 'sport', '=', `:${origins.ports.banner}`]
  await first.running.until('it stands', async () => (await scenario.run('gateway', sockets)).stdout !== '')
  first.running.signal('SIGTERM')
  await first.running.until('it drains', () => first.log().some(({ msg }) => msg === 'draining'))
  const second = await start(policy)
  const isHolding = async () => !(await second.status()).doors.join().includes('accepts first')
  t.equal(await isHolding(), false, 'the first has the queue')
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"', 'but the second serves')
  const said = ({ log }: typeof first, what: string) => log().some(({ msg }) => msg?.includes(what))
  t.ok(said(second, `dns.listen: a gateway that still ends may have ${DNS}:53`), 'but not yet at its address')
  await first.running.until('it leaves DNS', () => said(first, 'another gateway captures here now'))
  await second.running.until('the second answers', () => said(second, `DNS is answered on ${DNS}:53 now`))
  const dug = await box.run(['dig', '+short', `@${DNS}`, 'host.docker.internal'])
  t.match(dug.stdout, /^192\.168\.65\.254$/m, 'DNS is the second’s')
  t.match(await standing, { lines: 300, ended: true }, 'and the first goes on with what it has')
  await first.running.exited
  await second.running.until('it holds', isHolding, 3_000)
  t.match(
    await box.talk(origins.address, 1, {}),
    { error: 'ECONNREFUSED', connectMs: undefined },
    'refused, and never connected',
  )
  // Some commands later than the rules: what is no longer wanted goes first.
  await second.running.until('it says so', () =>
    second.log().some(({ msg }) => msg?.includes('is free; connection attempts are held from now on')),
  )
  await second.running.stop()
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  await t.test(`${signal} twice: it ends at once, and takes its rules along`, async (t) => {
    const gateway = await start()
    const standing = dialogue(origins.ports.banner, 400)
    await gateway.running.until('it stands', async () => (await gateway.status()).liveFlows > 0)
    gateway.running.signal(signal)
    await gateway.running.until('it drains', () => gateway.log().some(({ msg }) => msg === 'draining'))
    t.ok(gateway.running.alive, 'the connection keeps it')
    gateway.running.signal(signal)
    t.equal(await gateway.running.exited, 1)
    t.match(gateway.log().at(-1), { msg: 'stopped', signal, cut: 1 })
    t.equal(await kernelState(), kernelBefore)
    t.ok((await standing).lines < 400, 'the connection ends with it')
  })
}

await t.test('signals while it starts, its rules being in the kernel already: it takes them along', async (t) => {
  for (const [signals, code] of [
    [['SIGTERM'], 0],
    [['SIGTERM', 'SIGINT'], 1],
  ] as const) {
    const nft = slowNft()
    const gateway = await launchGateway(scenario, { capture: captured }, { env: { PATH: nft.path } })
    await gateway.running.until('its rules', nft.hasRun)
    t.match((await scenario.run('gateway', ['nft', 'list', 'tables'])).stdout, 'inet fairlead')
    t.notOk(
      gateway.log().some(({ msg }) => msg === 'ready'),
      'it is still starting',
    )
    for (const signal of signals) gateway.running.signal(signal)
    nft.goOn()
    t.equal(await gateway.running.exited, code, signals.join())
    t.equal(await kernelState(), kernelBefore, signals.join())
  }
})

for (const hold of ['auto', 'off']) {
  await t.test(`a container that speaks while the gateway starts (hold: ${hold})`, async (t) => {
    const nft = slowNft()
    const policy = { capture: { ...captured, hold } }
    const gateway = await launchGateway(scenario, policy, { env: { PATH: nft.path } })
    await gateway.running.until('its rules', nft.hasRun)
    t.match(
      (await request(origins.address, origins.ports.http)).heard,
      '"from"',
      'is served as soon as the rules stand',
    )
    t.notOk(
      gateway.log().some(({ msg }) => msg === 'ready'),
      'it was still starting',
    )
    nft.goOn()
    await gateway.running.until('the end of its start', () => gateway.log().some(({ msg }) => msg === 'ready'))
    await gateway.running.stop()
  })
}

await t.test('killed, and started again', async (t) => {
  const first = await start()
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"')
  first.running.signal('SIGKILL')
  await first.running.exited
  const shut = await box.talk(origins.address, origins.ports.http, { say: ['GET / HTTP/1.0\r\n\r\n'], limitMs: 700 })
  t.equal(shut.heard, '', 'without the gateway nothing goes out')
  // Says so again and again, also in the moment in which the next one has the queue and the rules are still those of the run that was killed.
  const waiting = box.run(['node', '-e', INSISTENT, origins.address, String(origins.ports.http)])
  // Other numbers than those.
  const second = await start({}, { mark: 0xf1b000, table: 7788 })
  t.match((await waiting).stdout, '"from"', 'who has waited for it is served')
  t.match((await request(origins.address, origins.ports.http)).heard, '"from"', 'and works again')
  for (const family of ['-4', '-6']) {
    const rules = (await scenario.run('gateway', ['ip', family, 'rule'])).stdout
    t.match(
      rules,
      /\n7765:.* fwmark 0xf1b000 iif lo goto 7767 .*\n7766:.* fwmark 0xf1b000 lookup 7788 .*\n7767:.* fwmark 0xf1b000 nop/,
    )
    t.notMatch(rules, '0xf12000', 'what the killed run left is gone')
    const routes = (await scenario.run('gateway', ['ip', family, 'route', 'show', 'table', 'all', 'proto', '166']))
      .stdout
    t.match(routes, /^local default dev lo table 7788 [^\n]*\n$/, `so is its route (${family})`)
  }
  await second.running.stop()
})

for (const [title, meanwhile] of [
  ['killed, and started again without capture', []],
  // As systemd-networkd does when it starts.
  ['the same where somebody has taken its policy rules away', ['-4', '-6']],
] as const) {
  await t.test(title, async (t) => {
    const first = await start()
    first.running.signal('SIGKILL')
    await first.running.exited
    for (const family of meanwhile) await scenario.run('gateway', ['ip', family, 'rule', 'flush', 'protocol', '166'])
    t.not(await kernelState(), kernelBefore, 'it leaves its rules')
    const second = await start({}, { enabled: false })
    await second.running.until('they go', async () => (await kernelState()) === kernelBefore)
    t.ok(second.log().some(({ msg }) => /was killed.*taken away/.test(msg ?? '')))
    await second.running.stop()
  })
}

await t.test(
  'started without capture beside a gateway that captures, or still ends: that one’s rules stay',
  async (t) => {
    const first = await start()
    const looksOn = async () => {
      const second = await start({}, { enabled: false })
      await second.running.stop()
      return second.log()
    }
    t.notOk((await looksOn()).some(({ msg }) => /rules/.test(msg ?? '')))
    t.match((await request(origins.address, origins.ports.http)).heard, '"from"', 'captured as before')
    const standing = dialogue(origins.ports.banner, 300)
    const sockets = ['ss', '-tnH', 'state', 'established', 'dst', BOX.ipv4, 'sport', '=', `:${origins.ports.banner}`]
    await first.running.until('it stands', async () => (await scenario.run('gateway', sockets)).stdout !== '')
    first.running.signal('SIGTERM')
    await first.running.until('it drains', () => first.log().some(({ msg }) => msg === 'draining'))
    t.ok((await looksOn()).some(({ msg }) => /fairlead capture --remove/.test(msg ?? '')))
    t.match(await standing, { lines: 300, ended: true }, 'and the first goes on with what it has')
    await first.running.exited
  },
)

await t.test('after all of this nothing is left in the kernel, and nothing of others is changed', async (t) => {
  t.equal(await kernelState(), kernelBefore)
})

/** An `nft` that puts rules in place and then does not come back before `goOn`: a start that takes its time. */
function slowNft(): { readonly path: string; hasRun(): boolean; goOn(): void } {
  const folder = peerFolder(scenario, 'slow-nft')
  const [rules, free] = [join(folder, 'rules'), join(folder, 'free')]
  const real = execFileSync('which', ['nft']).toString().trim()
  const script = `#!/bin/sh\n${real} "$@" || exit\n[ "$1" = -f ] || exit 0\ntouch ${rules}\nwhile [ ! -e ${free} ]; do sleep 0.05; done\n`
  writeFileSync(join(folder, 'nft'), script, { mode: 0o755 })
  return {
    path: `${folder}:${process.env['PATH']}`,
    hasRun: () => existsSync(rules),
    goOn: () => writeFileSync(free, ''),
  }
}

/** How many connection attempts have come to a port of the origins' host from now on, over IPv4. */
async function countAttempts(t: Test, port: number): Promise<() => Promise<number>> {
  const rules = `add table ip attempts
    add chain ip attempts in { type filter hook input priority -300; }
    add rule ip attempts in tcp dport ${port} tcp flags & (syn | ack) == syn counter`
  await scenario.run('corp', ['nft', rules])
  t.teardown(() => scenario.run('corp', ['nft', 'delete table ip attempts']).then(() => {}))
  return async () => {
    const { stdout } = await scenario.run('corp', ['nft', 'list', 'table', 'ip', 'attempts'])
    return Number(/counter packets (\d+)/.exec(stdout)?.[1])
  }
}

function request(address: string, port: number) {
  return box.talk(address, port, { say: ['GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'], end: false })
}

/** A conversation of so many lines, 50 ms apart, with an origin that sends them back. */
async function dialogue(port: number, lines: number): Promise<{ lines: number; ended: boolean; error?: string }> {
  const say = Array.from({ length: lines }, (_, place) => `line ${place}\r\n`)
  const { heard, ended, error } = await box.talk(origins.address, port, {
    say,
    pauseMs: 50,
    end: true,
    limitMs: lines * 50 + 20_000,
  })
  const came = heard.split('\r\n').filter((line, place) => place > 0 && line === `line ${place - 1}`).length
  return { lines: came, ended, ...(error === undefined ? {} : { error }) }
}

/** A program on the gateway's host that has a port and a queue of the kernel's which somebody else may want. */
async function holdPortAndQueue() {
  const [port, queue] = [takePort(), 7799]
  const code = `
    const { SynQueue } = await import(${JSON.stringify(new URL('../../dist/passthrough/hold/syn-queue.js', import.meta.url).href)})
    new SynQueue({ queue: ${queue}, length: 1, acceptMark: () => 0, onSyn() {}, onLost() {} })
    const { createServer } = await import('node:net')
    createServer().listen(${port}, '127.0.0.1', () => console.log('held'))`
  const running = scenario.start('gateway', 'holder', [process.execPath, '--input-type=module', '-e', code])
  await running.until('it holds them', () => running.stdout.includes('held'))
  return { running, port, queue }
}

/** Rules, policy rules and routes of the gateway's host, as text. A table of somebody else's is put there first, to be found unchanged. */
async function kernelState(): Promise<string> {
  const theirs = 'add table inet theirs; add chain inet theirs in { type filter hook prerouting priority mangle; }'
  await scenario.run('gateway', ['nft', theirs])
  const commands = [
    ['nft', 'list', 'ruleset'],
    ['ip', 'rule'],
    ['ip', '-6', 'rule'],
    ['ip', 'route', 'show', 'table', 'all'],
    ['ip', '-6', 'route', 'show', 'table', 'all'],
  ]
  const outputs = []
  for (const command of commands) outputs.push((await scenario.run('gateway', command)).stdout)
  // Link-local addresses come a moment after their link.
  return outputs.join('\n').replace(/^.*\bfe80:.*\n/gm, '')
}
