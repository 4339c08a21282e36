import t, { type Test } from 'tap'
import type { Container } from '../../../src/contracts/containers.ts'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Packet, PacketClient, PacketConn } from '../../../src/contracts/packet.ts'
import type { Candidate, Route } from '../../../src/contracts/route.ts'
import type { Target } from '../../../src/contracts/target.ts'
import { identified } from '../../../src/gateway/identified.ts'
import {
  BOTH_WAYS_IDLE_MS,
  DRAIN_IDLE_MS,
  FLOWS_PER_CLIENT,
  FLOWS_PER_SESSION,
  MAKE_WAY_IDLE_MS,
  ONE_WAY_IDLE_MS,
  QUESTION_IDLE_MS,
  REFUSAL_MS,
  SESSIONS_PER_CLIENT,
  SWEEP_MS,
  WAITING_PACKETS,
} from '../../../src/gateway/packet-limits.ts'
import { PacketSessions, type UdpPlaces } from '../../../src/gateway/packet-sessions.ts'
import type { FlowLine } from '../../../src/observe/flow-line.ts'
import { FlowRecords } from '../../../src/observe/flow-records.ts'
import type { Log } from '../../../src/observe/log.ts'
import { Metrics } from '../../../src/observe/metrics.ts'
import { parseAuthority } from '../../../src/wire/target.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

/** A way out that keeps what it is given. */
class FakeConn implements PacketConn {
  readonly sent: string[] = []
  /** Of captured far sides: the name that each datagram’s is known by. */
  readonly askedBy: string[] = []
  readonly forgotten: string[] = []
  isClosed = false
  unread = 0
  receive: (packet: Packet) => void = () => {}
  refuse: (peer: Target, error: GatewayError) => void = () => {}
  #settle: () => void = () => {}
  readonly closed = new Promise<void>((resolve) => {
    this.#settle = resolve
  })
  onPacket(receive: (packet: Packet) => void) {
    this.receive = receive
  }
  onRefused(refuse: (peer: Target, error: GatewayError) => void) {
    this.refuse = refuse
  }
  send({ peer, data, query }: Packet) {
    if (query) this.askedBy.push(query.target.host)
    this.sent.push(`${peer.host}:${peer.port} ${data}`)
  }
  forget({ host }: Target) {
    this.forgotten.push(host)
  }
  lost() {
    const { unread } = this
    this.unread = 0
    return unread
  }
  close() {
    this.isClosed = true
    this.#settle()
  }
}

interface World {
  /** Decides, by host; default direct. */
  readonly route?: (host: string, container?: Container) => Promise<Partial<Route>> | Partial<Route>
  /** Who has the clients' addresses; read at each use. */
  readonly around?: { container?: Container }
  readonly places?: UdpPlaces
}

function world(_t: Test, { route, around = {}, places }: World = {}) {
  const clock = manualClock()
  const lines: FlowLine[] = []
  const take = (line: FlowLine) => void lines.push(line)
  const log = { info: take, error: take, isLevelEnabled: () => true }
  const dropped: string[] = []
  const crowded: string[] = []
  const conns: FakeConn[] = []
  let asked = 0
  const direct: Route = {
    decision: 'direct',
    candidates: [{ hops: [] }],
    because: { source: 'default', detail: 'd' },
    generation: 1,
  }
  const sessions = new PacketSessions({
    clock,
    records: new FlowRecords(
      clock,
      log as unknown as Log,
      new Metrics(
        () => 0,
        () => 0,
      ),
    ),
    current: () => ({
      router: {
        route: async ({ target, client }) => {
          asked++
          return { ...direct, ...(await route?.(target.host, client.container)) }
        },
      },
      packets: {
        async open({ decision, candidates }) {
          if (decision === 'reject') throw new GatewayError('POLICY_REJECTED', 'no')
          const conn = new FakeConn()
          conns.push(conn)
          return { value: conn, candidate: candidates[0] as Candidate, failed: [] }
        },
      },
    }),
    nextId: () => 'id',
    identified: (query) => identified(query, { byAddress: () => around.container }),
    isStill: ({ client: { container } }, decided) =>
      container?.id === around.container?.id || (!container && decided !== 'refused'),
    ownerOf: (address) => (address.startsWith('10.99.') ? 'strangers' : address),
    ...(places && { places }),
    dropped: (reason, count = 1) => void dropped.push(...Array.from({ length: count }, () => reason)),
    crowded: (address) => void crowded.push(address),
  })
  const heard: string[] = []
  const refused: string[] = []
  const client = (address = '172.17.0.2', port = 4000): PacketClient => ({
    door: 'capture',
    protocol: 'udp',
    scope: 'containers',
    client: { address, port, local: false },
    receive: ({ peer, data }) => void heard.push(`${peer.host} ${data}`),
    refused: ({ host }, { code }) => void refused.push(`${host} ${code}`),
  })
  return { clock, sessions, lines, dropped, crowded, conns, heard, refused, client, asked: () => asked }
}

const packet = (to: string, data = 'x'): Packet => ({ peer: parseAuthority(to), data: Buffer.from(data) })

t.test('far sides share the way out; what is sent meanwhile waits, up to a limit', async (t) => {
  const { sessions, client, conns, heard, dropped } = world(t)
  const session = sessions.open(client())!
  for (let count = 0; count < WAITING_PACKETS + 2; count++) session.send(packet('192.0.2.1:53', String(count)))
  session.send(packet('192.0.2.2:53'))
  await until('sent', () => conns[0]?.sent.length === WAITING_PACKETS + 1)
  t.equal(conns.length, 1)
  t.same(dropped, ['waiting', 'waiting'])
  conns[0]!.receive({ ...packet('192.0.2.2:53', 'yes') })
  conns[0]!.receive({ ...packet('192.0.2.9:53', 'stranger') })
  t.same(heard, ['192.0.2.2 yes'])
})

t.test('idle', async (t) => {
  const { clock, sessions, client, conns, lines } = world(t)
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:53'))
  session.send(packet('192.0.2.2:53'))
  await until('sent', () => conns[0]?.sent.length === 2)
  conns[0]!.receive(packet('192.0.2.2:53', 'yes'))
  session.send(packet('192.0.2.2:53'))
  clock.advance(ONE_WAY_IDLE_MS - 1)
  t.equal(session.flows, 2)
  clock.advance(SWEEP_MS)
  t.equal(session.flows, 1, 'one that nobody has answered')
  t.match(lines, [{ target: '192.0.2.1:53', ended: 'idle', packetsUp: 1, packetsDown: 0 }])
  t.same(conns[0]!.forgotten, ['192.0.2.1'])
  t.equal(conns[0]!.isClosed, false)
  clock.advance(BOTH_WAYS_IDLE_MS)
  t.equal(session.flows, 0)
  t.equal(conns[0]!.isClosed, true, 'nobody uses the way out any more')
  t.equal(sessions.flows, 0)
  session.send(packet('192.0.2.1:53'))
  await until('a new way out', () => conns.length === 2)
})

t.test('one question, answered: as long as one that is not', async (t) => {
  const { clock, sessions, client, conns } = world(t)
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:161'))
  await until('sent', () => conns[0]?.sent.length === 1)
  for (const answer of ['yes', 'and more']) conns[0]!.receive(packet('192.0.2.1:161', answer))
  clock.advance(QUESTION_IDLE_MS - 1)
  t.equal(session.flows, 1)
  clock.advance(SWEEP_MS)
  t.equal(session.flows, 0)
})

t.test(
  'a program that asks from a new port each time is never shut out for long, and the log hears of it',
  async (t) => {
    const { clock, sessions, client, conns, crowded } = world(t)
    const open = (port: number) => sessions.open(client('172.17.0.2', port))
    const asked = Array.from({ length: SESSIONS_PER_CLIENT }, (_, port) => open(port)!)
    for (const session of asked) session.send(packet('192.0.2.1:161'))
    await until('all sent', () => conns.filter(({ sent }) => sent.length > 0).length === SESSIONS_PER_CLIENT)
    for (const conn of conns) conn.receive(packet('192.0.2.1:161', 'yes'))
    t.equal(open(9_000), undefined)
    t.same(crowded, ['172.17.0.2'])
    t.ok(
      asked.every(({ flows }) => flows === 1),
      'what was in use just now stays',
    )
    clock.advance(MAKE_WAY_IDLE_MS)
    t.equal(open(9_000), undefined, 'its door takes those back of which no flow is left')
    t.ok(asked.every(({ flows }) => flows === 0))
    for (const session of asked) session.close()
    t.ok(open(9_000))
  },
)

t.test('whoever has its places by several addresses makes way with all of them, and nobody else does', async (t) => {
  const { clock, sessions, client, conns } = world(t)
  const asked = Array.from({ length: SESSIONS_PER_CLIENT }, (_, place) => {
    return sessions.open(client(`10.99.${place >> 8}.${place & 255}`))!
  })
  const other = sessions.open(client())!
  for (const session of [...asked, other]) session.send(packet('192.0.2.1:161'))
  await until('all sent', () => conns.filter(({ sent }) => sent.length > 0).length === SESSIONS_PER_CLIENT + 1)
  clock.advance(MAKE_WAY_IDLE_MS)
  t.equal(sessions.open(client('10.99.200.1')), undefined)
  t.ok(asked.every(({ flows }) => flows === 0))
  t.equal(other.flows, 1)
})

t.test('a refusal is told each time, decided once, and forgotten', async (t) => {
  const { clock, sessions, client, refused, dropped, lines, asked } = world(t, {
    route: () => ({ decision: 'reject', candidates: [] }),
  })
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:443'))
  await until('refused', () => refused.length === 1)
  session.send(packet('192.0.2.1:443'))
  t.same(refused, ['192.0.2.1 POLICY_REJECTED', '192.0.2.1 POLICY_REJECTED'])
  t.same(dropped, ['refused', 'refused'])
  t.equal(asked(), 1)
  t.match(lines, [{ ended: 'rejected', error: { code: 'POLICY_REJECTED' } }])
  clock.advance(REFUSAL_MS + SWEEP_MS)
  t.equal(session.flows, 0)
  session.send(packet('192.0.2.1:443'))
  await until('asked again', () => asked() === 2)
})

t.test('what came faster than it was read is counted, while the flow lives and at its end', async (t) => {
  const { clock, sessions, client, conns, dropped } = world(t)
  let unread = 1
  const lost = () => unread--
  const session = sessions.open({ ...client(), lost })!
  session.send(packet('192.0.2.1:53'))
  await until('sent', () => conns[0]?.sent.length === 1)
  conns[0]!.unread = 2
  clock.advance(SWEEP_MS)
  t.same(dropped, ['overrun', 'overrun', 'overrun'])
  unread = 1
  conns[0]!.unread = 1
  session.close()
  await until('the way out has closed', () => dropped.length === 5)
})

t.test('what the way out reports ends the flow, and the client is told', async (t) => {
  const { sessions, client, conns, refused, lines } = world(t)
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:53'))
  await until('sent', () => conns[0]?.sent.length === 1)
  conns[0]!.refuse(parseAuthority('192.0.2.1:53'), new GatewayError('CONNECT_REFUSED', 'closed'))
  t.same(refused, ['192.0.2.1 CONNECT_REFUSED'])
  t.match(lines, [{ ended: 'rejected', packetsUp: 1, error: { code: 'CONNECT_REFUSED' } }])
})

t.test('a way out that no open flow uses is closed with a refusal; the next try has a new one', async (t) => {
  const { clock, sessions, client, conns } = world(t)
  const session = sessions.open(client())!
  const [first, second] = ['192.0.2.1:53', '192.0.2.2:53']
  for (const peer of [first, second]) session.send(packet(peer))
  await until('sent', () => conns[0]?.sent.length === 2)
  const unreachable = new GatewayError('NETWORK_UNREACHABLE', 'no way')
  conns[0]!.refuse(parseAuthority(first), unreachable)
  t.equal(conns[0]!.isClosed, false, 'the other uses it')
  conns[0]!.refuse(parseAuthority(second), unreachable)
  t.equal(conns[0]!.isClosed, true)
  session.send(packet('192.0.2.3:53'))
  await until('sent by a new one', () => conns[1]?.sent.length === 1)
  // A client that never falls silent leaves no sweep without a flow.
  clock.advance(REFUSAL_MS + SWEEP_MS)
  session.send(packet(first))
  await until('sent again', () => conns[1]?.sent.length === 2)
})

t.test('a way out that closes takes its flows with it; the next datagram asks anew', async (t) => {
  const { sessions, client, conns, lines } = world(t)
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:53'))
  await until('sent', () => conns[0]?.sent.length === 1)
  conns[0]!.close()
  await until('ended', () => lines.length === 1)
  t.match(lines, [{ ended: 'upstream-reset' }])
  session.send(packet('192.0.2.1:53'))
  await until('sent again', () => conns[1]?.sent.length === 1)
})

t.test(
  'the next container with an address and port is another client: what was decided for the last one is not its own',
  async (t) => {
    const named = (name: string) => ({ id: name, name, image: 'i', labels: {}, endpoints: [] })
    const around: { container?: Container } = { container: named('good') }
    const route = (_: string, container?: Container): Partial<Route> =>
      container?.name === 'bad' ? { decision: 'reject', candidates: [] } : {}
    const { clock, sessions, client, conns, lines, refused } = world(t, { around, route })
    const opened = client()
    // As a door may know it when it meets the socket first.
    const session = sessions.open({ ...opened, client: { ...opened.client, container: named('good') } })!
    session.send(packet('192.0.2.1:53'))
    await until('sent', () => conns[0]?.sent.length === 1)
    around.container = named('bad')
    session.send(packet('192.0.2.1:53'))
    await until('refused', () => refused.length === 1)
    t.equal(conns[0]!.sent.length, 1)
    t.equal(conns[0]!.isClosed, true)
    t.match(lines, [
      { container: { name: 'good' }, ended: 'finished', packetsUp: 1 },
      { container: { name: 'bad' }, ended: 'rejected', packetsUp: 0 },
    ])
    around.container = named('good-again')
    session.send(packet('192.0.2.1:53'))
    await until('sent: the refusal was another’s too', () => conns[1]?.sent.length === 1)
    delete around.container
    clock.advance(SWEEP_MS)
    t.equal(session.flows, 0, 'what still comes for one that has ended is nobody’s')
    t.match(lines[2], { container: { name: 'good-again' }, ended: 'finished' })
  },
)

t.test(
  'who was refused while nobody knew it is decided anew once it is known, and who was let in goes on',
  async (t) => {
    const around: { container?: Container } = {}
    const route = (host: string, container?: Container): Partial<Route> =>
      container || host === '192.0.2.2' ? {} : { decision: 'reject', candidates: [] }
    const { sessions, client, conns, lines, refused, asked } = world(t, { around, route })
    const session = sessions.open(client())!
    session.send(packet('192.0.2.1:53'))
    session.send(packet('192.0.2.2:53'))
    await until('decided', () => refused.length === 1 && conns[0]?.sent.length === 1)
    around.container = { id: 'box', name: 'box', image: 'i', labels: {}, endpoints: [] }
    session.send(packet('192.0.2.1:53'))
    session.send(packet('192.0.2.2:53'))
    await until('sent', () => conns[0]!.sent.length === 3)
    t.equal(asked(), 3)
    t.match(lines, [{ ended: 'rejected' }])
  },
)

t.test('what is refused never leaves by the way out of what is let in', async (t) => {
  const route = (host: string): Partial<Route> => (host === '192.0.2.1' ? {} : { decision: 'reject', candidates: [] })
  const { sessions, client, conns, refused, lines } = world(t, { route })
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:53'))
  await until('sent', () => conns[0]?.sent.length === 1)
  session.send(packet('192.0.2.2:53'))
  await until('decided', () => refused.length === 1 || conns[0]!.sent.length === 2)
  t.same(refused, ['192.0.2.2 POLICY_REJECTED'])
  t.equal(conns[0]!.sent.length, 1)
  t.match(lines, [{ ended: 'rejected' }])
})

t.test('other ways, other conns', async (t) => {
  const hops = [{ kind: 'socks5' as const, host: 'dante', family: 0 as const, port: 1080 }]
  const { sessions, client, conns } = world(t, {
    route: (host) => (host === '192.0.2.1' ? {} : { decision: 'proxy', candidates: [{ hops }] }),
  })
  const session = sessions.open(client())!
  for (const host of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) session.send(packet(`${host}:53`))
  await until('sent', () => conns.reduce((sum, { sent }) => sum + sent.length, 0) === 3)
  t.same(
    conns.map(({ sent }) => sent.length),
    [1, 2],
  )
  session.close()
  t.ok(conns.every(({ isClosed }) => isClosed))
})

t.test('the captured name is what policy sees, the dialled address where datagrams go', async (t) => {
  const seen: string[] = []
  const { sessions, client, conns, lines } = world(t, {
    route: (host) => {
      seen.push(host)
      return {}
    },
  })
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:443'), { name: 'a.test', nameSource: 'dns' })
  session.send(packet('192.0.2.2:443'), { name: 'b.test', nameSource: 'dns' })
  await until('sent', () => conns[0]?.sent.length === 2)
  t.same(seen, ['a.test', 'b.test'])
  t.same(conns[0]!.sent, ['192.0.2.1:443 x', '192.0.2.2:443 x'])
  t.same(conns[0]!.askedBy, ['a.test', 'b.test'], 'and what its address is judged with')
  session.close()
  t.match(lines, [{ target: 'a.test:443' }, { target: 'b.test:443' }])
})

t.test('fewer client sockets where the system has room for fewer', async (t) => {
  const { sessions, client, crowded } = world(t, { places: { all: 3, ofAClient: 2 } })
  const open = (address: string, port: number) => sessions.open(client(address, port)) !== undefined
  t.same(
    [1, 2, 3].map((port) => open('172.17.0.2', port)),
    [true, true, false],
  )
  t.same(
    [1, 2].map((port) => open('172.17.0.3', port)),
    [true, false],
  )
  t.same(crowded, ['172.17.0.2', '172.17.0.3'])
  sessions.close()
})

t.test('a client that goes while it is decided', async (t) => {
  const decisions: (() => void)[] = []
  const { sessions, client, conns, lines } = world(t, {
    route: () => new Promise((resolve) => void decisions.push(() => resolve({}))),
  })
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:53'))
  await until('asked', () => decisions.length === 1)
  session.close()
  t.match(lines, [{ ended: 'client-gone', packetsUp: 0 }])
  decisions[0]!()
  await until('closed again', () => conns.length === 0 || conns[0]!.isClosed)
  t.equal(sessions.size, 0)
  session.send(packet('192.0.2.1:53'))
  t.equal(session.flows, 0)
})

t.test('addresses that one client feigns are one client', async (t) => {
  const { sessions, client } = world(t)
  let opened = 0
  while (sessions.open(client(`10.99.${opened >> 8}.${opened & 255}`))) opened++
  t.equal(opened, SESSIONS_PER_CLIENT)
  t.ok(sessions.open(client('172.17.0.3')))
})

t.test('bounds', async (t) => {
  const { sessions, client, dropped } = world(t)
  const first = sessions.open(client())!
  for (let host = 0; host < FLOWS_PER_SESSION + 10; host++) first.send(packet(`192.0.${host >> 8}.${host & 255}:53`))
  t.equal(first.flows, FLOWS_PER_SESSION)
  t.equal(dropped.length, 10)
  let opened = 1
  while (sessions.open(client('172.17.0.2', 5000 + opened))) opened++
  t.equal(opened, SESSIONS_PER_CLIENT)
  t.ok(sessions.open(client('172.17.0.3')), 'another client has its own')
  first.close()
  t.ok(sessions.open(client()), 'a place that was given back')
  const more = Array.from({ length: 5 }, (_, count) => sessions.open(client('172.17.0.9', count))!)
  for (const session of more) {
    for (let host = 0; host < FLOWS_PER_SESSION; host++) session.send(packet(`192.0.${host >> 8}.${host & 255}:53`))
  }
  t.equal(
    more.reduce((sum, { flows }) => sum + flows, 0),
    FLOWS_PER_CLIENT,
  )
  sessions.close()
  t.equal(sessions.flows, 0)
  t.equal(sessions.size, 0)
})

t.test('draining ends flows as they fall silent', async (t) => {
  const { clock, sessions, client, conns } = world(t)
  const session = sessions.open(client())!
  session.send(packet('192.0.2.1:53'))
  await until('sent', () => conns[0]?.sent.length === 1)
  sessions.drain()
  t.equal(sessions.open(client('172.17.0.3')), undefined)
  clock.advance(DRAIN_IDLE_MS + SWEEP_MS)
  t.equal(session.flows, 0)
})
