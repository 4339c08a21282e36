import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Packet, PacketConn } from '../../../src/contracts/packet.ts'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { ResolvingPackets } from '../../../src/dialers/resolving-packets.ts'
import { parseAuthority } from '../../../src/wire/target.ts'
import { queryFor, REMOTE_CLIENT } from '../../fixtures/route-query.ts'
import { until } from '../../fixtures/until.ts'

function resolving(
  query: RouteQuery,
  names: Readonly<Record<string, readonly string[]>> = {},
  leadsTo?: (query: RouteQuery) => readonly string[] | undefined,
) {
  const sent: string[] = []
  const heard: string[] = []
  const refused: string[] = []
  let came: (packet: Packet) => void = () => {}
  let failed: Parameters<PacketConn['onRefused']>[0] = () => {}
  const inner: PacketConn = {
    send: ({ peer, data }) => void sent.push(`${peer.host}:${peer.port} ${data}`),
    onPacket(receive) {
      came = receive
    },
    onRefused(report) {
      failed = report
    },
    forget() {},
    lost: () => 0,
    closed: new Promise(() => {}),
    close() {},
  }
  const resolver = {
    resolve: async (name: string) =>
      (names[name] ?? []).map((address) => ({ address, family: address.includes(':') ? (6 as const) : (4 as const) })),
  }
  const judge = (address: string, _port: number, asks: RouteQuery | undefined) =>
    address === '192.0.2.66' && asks?.target.host !== 'box.internal'
      ? new GatewayError('ACCESS_DENIED', 'no')
      : undefined
  const conn = new ResolvingPackets(inner, { resolver, judge, leadsTo }, query)
  conn.onPacket(({ peer, asked }) => void heard.push(`${peer.host} for ${asked?.host}`))
  conn.onRefused(({ host }, { code }) => void refused.push(`${host} ${code}`))
  const send = (to: string, data = 'x', asks?: RouteQuery) =>
    conn.send({ peer: parseAuthority(to), data: Buffer.from(data), ...(asks && { query: asks }) })
  return {
    conn,
    send,
    sent,
    heard,
    refused,
    came: (from: string) => came({ peer: parseAuthority(from), data: Buffer.from('y') }),
    failed: (at: string, error: GatewayError) => failed(parseAuthority(at), error),
  }
}

t.test(
  'each far side of a captured client is sent to where that client has dialled, not where the first datagram went',
  async (t) => {
    const first = parseAuthority('192.0.2.1:53')
    const query = { ...queryFor('first.test:53', 'containers', REMOTE_CLIENT), captured: { dialled: first } }
    const { send, sent } = resolving(query)
    send('192.0.2.1:53')
    send('192.0.2.2:53')
    await until('sent', () => sent.length === 2)
    t.same(sent, ['192.0.2.1:53 x', '192.0.2.2:53 x'])
  },
)

t.test('a name: resolved, judged, and its replies told apart', async (t) => {
  const { send, sent, heard, refused, came } = resolving(queryFor('a.test:53'), {
    'a.test': ['192.0.2.66', '192.0.2.7'],
    'bad.test': ['192.0.2.66'],
  })
  send('a.test:53')
  send('bad.test:53')
  await until('sent', () => sent.length === 1 && refused.length === 1)
  t.same(sent, ['192.0.2.7:53 x'])
  t.same(refused, ['bad.test ACCESS_DENIED'])
  came('192.0.2.7:53')
  came('192.0.2.8:53')
  t.same(heard, ['192.0.2.7 for a.test'])
})

t.test('the next address where there is no way to the first', async (t) => {
  const { send, sent, refused, failed } = resolving(queryFor('a.test:53'), { 'a.test': ['2001:db8::1', '192.0.2.7'] })
  send('a.test:53')
  await until('sent', () => sent.length === 1)
  failed('[2001:db8::1]:53', new GatewayError('NETWORK_UNREACHABLE', 'no'))
  send('a.test:53')
  failed('192.0.2.7:53', new GatewayError('CONNECT_REFUSED', 'closed'))
  t.same(
    sent.map((line) => line.split(':53')[0]),
    ['2001:db8::1', '192.0.2.7'],
  )
  t.same(refused, ['a.test CONNECT_REFUSED'])
})

t.test(
  'the name that a captured far side is known by is judged with its address, whichever was the first',
  async (t) => {
    const captured = (name: string, address: string): RouteQuery => ({
      ...queryFor(name, 'containers', REMOTE_CLIENT),
      captured: { dialled: parseAuthority(address), nameSource: 'dns' },
    })
    const first = captured('first.test:53', '192.0.2.1:53')
    const { send, sent, refused } = resolving(first)
    send('192.0.2.1:53', 'x', first)
    send('192.0.2.66:53', 'x', captured('box.internal:53', '192.0.2.66:53'))
    send('192.0.2.66:54', 'x', captured('other.test:54', '192.0.2.66:54'))
    await until('sent, and one refused', () => sent.length === 2 && refused.length === 1)
    t.same(sent, ['192.0.2.1:53 x', '192.0.2.66:53 x'])
    t.same(refused, ['192.0.2.66 ACCESS_DENIED'])
  },
)

const HOST = '192.168.65.254:9999'
const toHost = { ...queryFor(HOST, 'containers', REMOTE_CLIENT), captured: { dialled: parseAuthority(HOST) } }
const loopback = ({ captured }: RouteQuery) =>
  captured?.dialled.host === '192.168.65.254' ? ['127.0.0.1', '::1'] : undefined
const closed = () => new GatewayError('CONNECT_REFUSED', 'closed')

t.test('the host: what is bound to its second address alone has what the first has refused, and goes on', async (t) => {
  const { send, sent, heard, refused, came, failed } = resolving(toHost, {}, loopback)
  send(HOST, 'one')
  await until('sent', () => sent.length === 1)
  failed('127.0.0.1:9999', closed())
  came('[::1]:9999')
  send(HOST, 'two')
  t.same(sent, ['127.0.0.1:9999 one', '::1:9999 one', '::1:9999 two'])
  t.same(heard, ['::1 for 192.168.65.254'])
  failed('[::1]:9999', closed())
  t.same(refused, ['192.168.65.254 CONNECT_REFUSED'], 'there is no third')
})

t.test('the host: closed at both', async (t) => {
  const { send, sent, refused, failed } = resolving(toHost, {}, loopback)
  send(HOST)
  await until('sent', () => sent.length === 1)
  failed('127.0.0.1:9999', closed())
  failed('[::1]:9999', closed())
  t.same(refused, ['192.168.65.254 CONNECT_REFUSED'])
})

t.test('the host: a service that has answered and ends is not another one at the second address', async (t) => {
  const { send, sent, refused, came, failed } = resolving(toHost, {}, loopback)
  send(HOST)
  await until('sent', () => sent.length === 1)
  came('127.0.0.1:9999')
  failed('127.0.0.1:9999', closed())
  t.same(sent, ['127.0.0.1:9999 x'])
  t.same(refused, ['192.168.65.254 CONNECT_REFUSED'])
})
