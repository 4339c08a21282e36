import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Packet, PacketConn } from '../../../src/contracts/packet.ts'
import type { RouteQuery } from '../../../src/contracts/route.ts'
import { ResolvingPackets } from '../../../src/dialers/resolving-packets.ts'
import { parseAuthority } from '../../../src/wire/target.ts'
import { queryFor, REMOTE_CLIENT } from '../../fixtures/route-query.ts'
import { until } from '../../fixtures/until.ts'

function resolving(query: RouteQuery, names: Readonly<Record<string, readonly string[]>> = {}) {
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
  const judge = (address: string) => (address === '192.0.2.66' ? new GatewayError('ACCESS_DENIED', 'no') : undefined)
  const conn = new ResolvingPackets(inner, { resolver, judge }, query)
  conn.onPacket(({ peer, asked }) => void heard.push(`${peer.host} for ${asked?.host}`))
  conn.onRefused(({ host }, { code }) => void refused.push(`${host} ${code}`))
  const send = (to: string) => conn.send({ peer: parseAuthority(to), data: Buffer.from('x') })
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
