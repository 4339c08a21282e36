import { EventEmitter, once } from 'node:events'
import net from 'node:net'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import type { Packet } from '../../../src/contracts/packet.ts'
import type { Hop } from '../../../src/contracts/route.ts'
import { createDialers } from '../../../src/dialers/create-dialers.ts'
import { createPacketDialer } from '../../../src/dialers/packet-dialer.ts'
import { encodeSocks5Datagram, parseSocks5Datagram } from '../../../src/wire/socks5-udp.ts'
import { parseAuthority, targetFromHost } from '../../../src/wire/target.ts'
import { everythingIsLoopback } from '../../fixtures/gateway.ts'
import { queryFor } from '../../fixtures/route-query.ts'
import { udpPeer } from '../../fixtures/udp.ts'
import { until } from '../../fixtures/until.ts'
import { type SocksProxyOptions, startSocksProxy } from '../../fixtures/upstreams/socks-proxy.ts'

function openThrough(hop: Hop, target = '192.0.2.1:53') {
  const common = { clock: systemClock, resolver: everythingIsLoopback, judge: () => undefined, handshakeMs: 2_000 }
  const dialers = createDialers({ ...common, isOwnEndpoint: () => false, userAgent: 'test' })
  const dialer = createPacketDialer({ ...common, ...dialers, chance: Math.random })
  const route = {
    decision: 'proxy',
    candidates: [{ hops: [hop] }],
    because: { source: 'manual', detail: '' },
    generation: 1,
  } as const
  return dialer.open(route, queryFor(target), new AbortController().signal)
}

/** A proxy whose relay the test plays itself. */
async function scripted(t: Test, bound: (relayPort: number) => string, options: SocksProxyOptions = {}) {
  const relay = await udpPeer(t)
  const reply = Buffer.from(`050000${bound(relay.port)}`, 'hex')
  const proxy = await startSocksProxy({ ...options, reply })
  t.teardown(() => proxy.close())
  return { relay, proxy, hop: { kind: 'socks5' as const, host: '127.0.0.1', family: 4 as const, port: proxy.port } }
}

const hexPort = (port: number) => port.toString(16).padStart(4, '0')

t.test('BND.ADDR 0.0.0.0 is where the proxy was reached; datagrams go there in SOCKS, and come back', async (t) => {
  const { relay, proxy, hop } = await scripted(t, (port) => `0100000000${hexPort(port)}`)
  const { value: conn } = await openThrough(hop)
  const heard = new EventEmitter()
  conn.onPacket((packet) => heard.emit('packet', packet))
  conn.send({ peer: parseAuthority('192.0.2.1:53'), data: Buffer.from('ask') })
  const came = await relay.next()
  t.same(parseSocks5Datagram(came.data), {
    kind: 'datagram',
    peer: parseAuthority('192.0.2.1:53'),
    data: Buffer.from('ask'),
  })
  t.equal(proxy.requests[0]?.host, '0.0.0.0', 'DST of the request is not known yet')

  const packets: Packet[] = []
  heard.on('packet', (packet: Packet) => packets.push(packet))
  const fragment = encodeSocks5Datagram(parseAuthority('192.0.2.1:53'), Buffer.from('fragment'))
  fragment[2] = 1
  relay.send(fragment, came)
  relay.send('rubbish', came)
  relay.send(encodeSocks5Datagram(parseAuthority('192.0.2.66:53'), Buffer.from('nobody asked')), came)
  const stranger = await udpPeer(t)
  stranger.send(encodeSocks5Datagram(parseAuthority('192.0.2.1:53'), Buffer.from('not the relay')), came)
  relay.send(encodeSocks5Datagram(parseAuthority('192.0.2.1:53'), Buffer.from('answer')), came)
  await once(heard, 'packet')
  t.same(
    packets.map(({ data }) => data.toString()),
    ['answer'],
  )

  conn.forget(parseAuthority('192.0.2.1:53'))
  conn.send({ peer: targetFromHost('a.test', 53), data: Buffer.from('ask') })
  await relay.next()
  relay.send(encodeSocks5Datagram(parseAuthority('192.0.2.7:53'), Buffer.from('named')), came)
  await once(heard, 'packet')
  t.match(
    packets.at(-1),
    { peer: { host: '192.0.2.7' }, asked: { host: 'a.test' } },
    'the proxy knows what the name is',
  )
  conn.close()
  await conn.closed
  await until('the control connection is closed with it', () => proxy.connections.size === 0)
})

t.test('it ends with its control connection', async (t) => {
  const { proxy, hop } = await scripted(t, (port) => `017f000001${hexPort(port)}`)
  const { value: conn } = await openThrough(hop)
  for (const socket of proxy.connections) socket.destroy()
  await conn.closed
  conn.send({ peer: parseAuthority('192.0.2.1:53'), data: Buffer.from('late') })
  t.pass('and takes what comes late without a word')
})

t.test('credentials (RFC 1929)', async (t) => {
  const credentials = { username: 'alice', password: 'secret' }
  const { proxy, hop } = await scripted(t, (port) => `017f000001${hexPort(port)}`, { credentials })
  const { Secret } = await import('../../../src/contracts/secret.ts')
  const { value: conn } = await openThrough({
    ...hop,
    credentials: { username: 'alice', password: new Secret('secret') },
  })
  t.match(proxy.requests, [{ username: 'alice' }])
  conn.close()
  await t.rejects(openThrough({ ...hop, credentials: { username: 'alice', password: new Secret('wrong') } }), {
    code: 'PROXY_AUTH_FAILED',
  })
})

const refusals = [
  { name: 'reply 7', reply: '050700010000000000', code: 'PROXY_REFUSED', message: /could not carry UDP: UDP ASSOCIATE not supported/ },
  { name: 'reply 2', reply: '050200010000000000', code: 'PROXY_REFUSED', message: /not allowed/ },
  { name: 'port 0', reply: '050000010000000000' + '00', code: 'PROXY_PROTOCOL_ERROR', message: /did not say where/ },
  { name: 'a name for BND.ADDR', reply: `05000003${'04'}612e6262${'0035'}`, code: 'PROXY_PROTOCOL_ERROR', message: /did not say where/ },
] // biome-ignore format: one answer a line

for (const { name, reply, code, message } of refusals) {
  t.test(`the proxy says no: ${name}`, async (t) => {
    const proxy = await startSocksProxy({ reply: Buffer.from(reply, 'hex') })
    t.teardown(() => proxy.close())
    const hop = { kind: 'socks5' as const, host: '127.0.0.1', family: 4 as const, port: proxy.port }
    await t.rejects(openThrough(hop), { code, message })
  })
}

t.test('an HTTP proxy carries none, and nothing is dialled', async (t) => {
  const server = net.createServer(() => t.fail('dialled'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as net.AddressInfo
  await t.rejects(openThrough({ kind: 'http', host: '127.0.0.1', family: 4, port }), {
    code: 'POLICY_REJECTED',
    message: /carries no UDP/,
  })
})
