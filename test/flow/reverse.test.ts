import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { getThrough, openConnect, openSocks5, readAtLeast } from '../fixtures/clients.ts'
import { type FakeEngine, fakeEngine, idOf } from '../fixtures/fake-engine.ts'
import { startTestGateway, type TestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'

// Containers have addresses of 127/8 other than 127.0.0.1, which plays the host. Only Linux has them without being asked.
const skip = process.platform === 'linux' ? false : 'addresses of 127/8 other than 127.0.0.1 need Linux'

const compose = (project: string, service: string) => ({
  'com.docker.compose.project': project,
  'com.docker.compose.service': service,
})
const SHOP_WEB = {
  name: 'shop_web_1',
  labels: compose('shop', 'web'),
  networks: { shop_default: { ip: '127.1.0.1', aliases: ['web', 'front'] } },
}
const BLOG_WEB = {
  name: 'blog_web_1',
  labels: compose('blog', 'web'),
  networks: { blog_default: { ip: '127.1.0.2', aliases: ['web'] } },
}

/** As Docker names it. */
const bridgeOf = (network: string) => `br-${idOf(network).slice(0, 12)}`

const OWN = [
  { device: 'eth0', address: '127.1.8.7' },
  { device: 'inside0', address: 'fd00:7::1' },
  { device: 'docker0', address: '127.0.0.254' },
  ...['docker0', bridgeOf('shop_default'), bridgeOf('blog_default'), bridgeOf('late')].map((device) => ({
    device,
    address: '127.1.0.254',
  })),
]

interface Lab extends TestGateway {
  readonly engine: FakeEngine
  /** Of the reverse door. */
  readonly door: number
  /** Where every container and the host itself answer with the address asked. */
  readonly origin: number
}

async function lab(t: Test, reverse: object = {}): Promise<Lab> {
  const server = createServer((request, response) => response.end(`${request.socket.localAddress}`)).listen(0)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const engine = await fakeEngine(t)
  engine.networks = [
    { name: 'shop_default', subnets: ['127.1.0.0/24'], gateways: ['127.1.0.254'] },
    { name: 'blog_default', subnets: ['127.1.0.0/24'], gateways: ['127.1.0.254'] },
    { name: 'bridge', subnets: ['127.1.0.0/24', '127.0.0.0/24'], gateways: ['127.1.0.254'], bridge: 'docker0' },
    // Behind a bridge that this machine does not have: another's, or one in a VM.
    { name: 'vm', subnets: ['127.1.8.0/24'], gateways: ['127.1.8.254'] },
    // As with inhibit_ipv4: it is here, and has no address.
    { name: 'inside', subnets: ['127.1.7.0/24', 'fd00:7::/64'], gateways: [], bridge: 'inside0' },
    { name: 'lan', driver: 'macvlan', subnets: ['127.1.9.0/24'] },
    { name: 'host', driver: 'host', subnets: [] },
    { name: 'none', driver: 'null', subnets: [] },
  ]
  engine.containers = [
    SHOP_WEB,
    BLOG_WEB,
    { name: 'alone', networks: { bridge: { ip: '127.1.0.3' } } },
    { name: 'hosted', networks: { host: {} } },
    { name: 'lonely', networks: { none: {} } },
    { name: 'side', networkMode: `container:${idOf('alone')}` },
    { name: 'orphan', networkMode: `container:${idOf('gone')}` },
    // From the host, a macvlan's address leads past its container to whoever has it outside.
    { name: 'outside', networks: { lan: { ip: '127.1.9.1' } } },
    { name: 'distant', networks: { vm: { ip: '127.1.8.1' } } },
    { name: 'sealed', networks: { inside: { ip: '127.1.7.1' } } },
    // Its network may be any, also one of the LAN.
    { name: 'untold', networks: { secret: { ip: '127.1.0.66' } } },
    // Whatever an engine says, the host stays the host.
    { name: 'liar', networks: { bridge: { ip: '127.0.0.1' } } },
    { name: 'shop_db_1', state: 'exited', labels: compose('shop', 'db') },
    { name: 'shop_loop_1', state: 'restarting', labels: compose('shop', 'loop') },
    { name: 'leaving', state: 'removing' },
  ]
  await engine.start()
  const gateway = await startTestGateway(
    t,
    {
      engine: { socket: `unix://${engine.path}` },
      reverse: { listen: '127.0.0.1:0', ...reverse },
      // None of it applies there.
      proxy: { mode: 'manual', http: 'http://127.0.0.1:9', https: 'http://127.0.0.1:9' },
      access: { deny: ['127.1.0.1'] },
    },
    {
      resolver: neverAsked(t),
      reverse: { isNever: (address) => !address.startsWith('127.1.'), ownAddresses: () => OWN },
    },
  )
  await until('the engine', () => gateway.gateway.containers.connected)
  const origin = (server.address() as AddressInfo).port
  return { ...gateway, engine, door: portOf(gateway), origin }
}

function portOf({ gateway }: TestGateway): number {
  return Number(/^reverse .*:(\d+)$/.exec(gateway.doors.find((name) => name.startsWith('reverse'))!)![1])
}

const neverAsked = (t: Test) => ({
  async resolve(name: string): Promise<never> {
    t.fail(`the host’s resolver was asked for ${name}`)
    throw new Error('asked')
  },
})

t.test('containers by address and by name, in every protocol of the door', { skip }, async (t) => {
  const { door, origin, gateway, flowCount } = await lab(t)
  const table: [host: string, address: string][] = [
    ['127.1.0.1', '127.1.0.1'],
    ['127.1.0.2', '127.1.0.2'],
    ['shop_web_1', '127.1.0.1'],
    ['SHOP_web_1.container.internal', '127.1.0.1'],
    ['web.shop', '127.1.0.1'],
    ['web.blog', '127.1.0.2'],
    ['web.blog_default', '127.1.0.2'],
    ['front', '127.1.0.1'],
    ['alone', '127.1.0.3'],
  ]
  for (const [host, address] of table) {
    const answer = await getThrough(door, `http://${host}:${origin}/`)
    t.match(answer.body, address, `plain HTTP to ${host}`)
    const tunnel = await openConnect(door, `${host}:${origin}`)
    t.equal(tunnel.status, 200)
    t.match(await askOver(tunnel.socket), address, `CONNECT to ${host}`)
    const { socket, reply } = await openSocks5(door, host, origin)
    t.equal(reply, 0)
    t.match(await askOver(socket), address, `SOCKS5 to ${host}`)
    t.match(await askOver(await openSocks4a(door, host, origin)), address, `SOCKS4a to ${host}`)
  }
  const lines = await flowCount(table.length * 4)
  for (const line of lines) t.match(line, { door: `reverse 127.0.0.1:${door}`, route: 'direct', scope: 'host' })
  t.match(gateway.status().doors, [/^mixed /, `reverse 127.0.0.1:${door}`])
})

t.test('what is refused, and in which words', { skip }, async (t) => {
  const { door, origin } = await lab(t)
  const table: [host: string, status: number, said: RegExp, reply: number][] = [
    ['web', 502, /ambiguous: web is in projects blog and shop; say web\.blog or web\.shop/, 4],
    ['web.container.internal', 502, /ambiguous/, 4],
    ['shop_wbe_1', 502, /no such container: shop_wbe_1, did you mean shop_web_1\?/, 4],
    ['db', 502, /the container shop_db_1 is not running/, 3],
    ['hosted', 502, /hosted uses the network of the engine’s host .*Its ports are the host’s/s, 3],
    ['lonely', 502, /lonely has no network .*Start it in a network/s, 3],
    ['side', 502, /side has the network of alone.*Ask for that one, at the same port: alone/s, 3],
    ['side.shop_default', 502, /side has the network of alone/, 3],
    ['orphan', 502, /orphan has the network of another container.*not running/s, 3],
    ['outside', 502, /outside is in the network lan \(macvlan\), whose containers are not behind a bridge/, 3],
    ['127.1.9.1', 502, /127\.1\.9\.1 is in the network lan \(macvlan\)/, 3],
    ['distant', 502, /distant is in the network vm, in which this machine has no IPv4 .*docker run --network vm /s, 3],
    ['127.1.8.1', 502, /127\.1\.8\.1 is in the network vm, in which this machine has no IPv4/, 3],
    ['sealed', 502, /sealed is in the network inside, in which this machine has no IPv4 .*--network inside /s, 3],
    ['127.1.7.1', 502, /in the network inside, in which this machine has no IPv4/, 3],
    ['untold', 502, /untold is in the network secret, of which the engine has told nothing yet/, 3],
    ['127.1.0.66', 502, /in the network secret, of which the engine has told nothing yet/, 3],
    ['loop', 502, /the container shop_loop_1 is restarting.*docker logs shop_loop_1/s, 3],
    ['leaving', 502, /the container leaving is being removed/, 3],
    ['liar', 403, /127\.0\.0\.1 is not the address of a running container/, 2],
    // The host, its bridge, the LAN, link-local, metadata, the internet, nothing at all.
    ['127.0.0.1', 403, /not the address of a running container/, 2],
    ['127.1.0.254', 403, /not the address of a running container/, 2],
    ['127.1.0.77', 403, /not the address of a running container/, 2],
    ['192.168.1.1', 403, /not the address of a running container/, 2],
    ['169.254.169.254', 403, /not the address of a running container/, 2],
    ['100.100.100.200', 403, /not the address of a running container/, 2],
    ['8.8.8.8', 403, /not the address of a running container/, 2],
    ['0.0.0.0', 403, /not the address of a running container/, 2],
    ['[::1]', 403, /not the address of a running container/, 2],
    ['[::ffff:127.0.0.1]', 403, /not the address of a running container/, 2],
    ['[fd00:ec2::254]', 403, /not the address of a running container/, 2],
    // Names that are no containers', and whose addresses nobody is asked for.
    ['localhost', 502, /no such container: localhost/, 4],
    ['host.docker.internal', 502, /no such container/, 4],
    ['example.com', 502, /no such container: example\.com/, 4],
    ['metadata.google.internal', 502, /no such container/, 4],
    ['127.0.0.1.nip.io', 502, /no such container/, 4],
  ]
  for (const [host, status, said, reply] of table) {
    const answer = await getThrough(door, `http://${host}:${origin}/`)
    t.equal(answer.status, status, `${host}: ${answer.body}`)
    t.match(answer.body, said, host)
    const tunnel = await openConnect(door, `${host}:${origin}`)
    t.equal(tunnel.status, status, `CONNECT ${host}`)
    tunnel.socket.destroy()
    if (host.startsWith('[')) continue
    const socks = await openSocks5(door, host, origin)
    t.equal(socks.reply, reply, `SOCKS5 ${host}`)
    socks.socket.destroy()
  }
})

t.test('UDP ASSOCIATE is not offered', { skip }, async (t) => {
  const { door } = await lab(t)
  const socket = connect(door, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(Buffer.from([5, 1, 0, 5, 3, 0, 1, 0, 0, 0, 0, 0, 0]))
  t.equal((await readAtLeast(socket, 12))[3], 7, 'command not supported')
})

t.test('credentials', { skip }, async (t) => {
  const { door, origin } = await lab(t, { auth: { users: { me: 'secret' } } })
  t.equal((await getThrough(door, `http://alone:${origin}/`)).status, 407)
  const authorization = `Basic ${Buffer.from('me:secret').toString('base64')}`
  const answer = await getThrough(door, `http://alone:${origin}/`, { 'proxy-authorization': authorization })
  t.match(answer, { status: 200, body: /127\.1\.0\.3/ })
})

t.test('containers come, go and move', { skip }, async (t) => {
  const { door, origin, engine } = await lab(t)
  const ask = async (host: string) => {
    const { status, body } = await getThrough(door, `http://${host}:${origin}/`)
    return `${status} ${body.replace('::ffff:', '')}`
  }
  t.equal(await ask('alone'), '200 127.1.0.3')
  const others = engine.containers.filter(({ name }) => name !== 'alone')
  // Nothing is told: a name or an address that is unknown is looked for once more.
  engine.containers = [...others, { name: 'anew', networks: { bridge: { ip: '127.1.0.9' } } }]
  t.equal(await ask('127.1.0.9'), '200 127.1.0.9', 'an address that the engine has not spoken of yet')
  t.match(await ask('alone'), /502 .*no such container/)
  t.match(await ask('127.1.0.3'), /403/)
  engine.containers = [...others, { name: 'alone', networks: { bridge: { ip: '127.1.0.4' } } }]
  engine.emit()
  t.equal(await ask('alone'), '200 127.1.0.4', 'the same name, made anew')
  await engine.stop()
  t.equal(await ask('alone'), '200 127.1.0.4', 'what is known holds while the engine is away')
  await engine.start()
  t.equal(await ask('web.shop'), '200 127.1.0.1')
})

t.test('a network that the engine tells of later than of the container in it', { skip }, async (t) => {
  const { door, origin, engine, gateway } = await lab(t)
  const before = engine.networks
  engine.containers = [...engine.containers, { name: 'early', networks: { late: { ip: '127.1.0.10' } } }]
  t.match((await getThrough(door, `http://early:${origin}/`)).body, /the network late, of which the engine has told/)
  for (const host of ['early', '127.1.0.10']) {
    engine.networks = before
    // For a name that is none, the engine is looked at once more.
    t.equal((await getThrough(door, `http://nobody:${origin}/`)).status, 502)
    t.notOk(gateway.containers.view().networks.some(({ name }) => name === 'late'))
    // No event says so.
    engine.networks = [...before, { name: 'late', subnets: ['127.1.0.0/24'] }]
    t.match((await getThrough(door, `http://${host}:${origin}/`)).body, '127.1.0.10', host)
  }
})

t.test('as a container, which is attached to a network a moment before it is asked for it', { skip }, async (t) => {
  const { door, origin, engine } = await lab(t)
  const others = engine.containers
  const attachedTo = (...networks: string[]) => {
    const endpoints = networks.map((name, place) => [name, { ip: `127.0.0.${254 - place}` }] as const)
    // No event says so.
    engine.containers = [...others, { name: 'door', networks: Object.fromEntries(endpoints) }]
  }
  for (const host of ['web.blog', '127.1.0.2']) {
    attachedTo('shop_default')
    t.equal((await getThrough(door, `http://nobody:${origin}/`)).status, 502, 'the engine is looked at once more')
    t.match((await getThrough(door, `http://${host}:${origin}/`)).body, /docker network connect blog_default door/)
    attachedTo('shop_default', 'blog_default')
    t.match((await getThrough(door, `http://${host}:${origin}/`)).body, '127.1.0.2', host)
  }
})

t.test('reloads', { skip }, async (t) => {
  const { door, origin, engine, reload, gateway } = await lab(t)
  const base = { engine: { socket: `unix://${engine.path}` } }
  const { socket } = await openSocks5(door, 'alone', origin)
  await reload({ ...base, reverse: { listen: '127.0.0.1:0' } })
  t.match(gateway.doors[1], `reverse 127.0.0.1:${door}`, 'the port stays')
  t.match(await askOver(socket), '127.1.0.3', 'a tunnel that stood goes on')
  t.match((await getThrough(door, `http://alone:${origin}/`)).body, '127.1.0.3')
  await reload(base)
  t.equal(gateway.doors.length, 1)
  await t.rejects(getThrough(door, `http://alone:${origin}/`), { code: 'ECONNREFUSED' })
  t.equal(await gateway.drain(60_000), 0)
})

t.test('who waits for a container’s answer at the end of a drain is told', { skip }, async (t) => {
  const { door, gateway, flowCount } = await lab(t)
  let isAsked = false
  const server = createServer(() => {
    isAsked = true
  }).listen(0)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const answer = getThrough(door, `http://alone:${(server.address() as AddressInfo).port}/`)
  await until('the container is asked', () => isAsked)
  t.equal(await gateway.drain(1), 1)
  t.match(await answer, { status: 503, body: /SHUTTING_DOWN/ })
  t.match(await flowCount(1), [{ error: { code: 'SHUTTING_DOWN' } }])
})

async function askOver(socket: { write(text: string): void } & NodeJS.ReadableStream): Promise<string> {
  socket.write('GET / HTTP/1.0\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

async function openSocks4a(port: number, host: string, target: number) {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(Buffer.from([4, 1, target >> 8, target & 0xff, 0, 0, 0, 1, 0, ...Buffer.from(`${host}\0`)]))
  const reply = await readAtLeast(socket, 8)
  if (reply[1] !== 90) throw new Error(`SOCKS4a to ${host}: ${reply[1]}`)
  if (reply.length > 8) socket.unshift(reply.subarray(8))
  return socket
}

t.test('a person who opens the door in a browser is told what it is for', { skip }, async (t) => {
  const { door } = await lab(t)
  const response = await fetch(`http://127.0.0.1:${door}/`)
  const page = await response.text()
  t.equal(response.status, 400)
  t.match(page, 'leads to them by their names')
  t.notMatch(page, 'example.org')
})
