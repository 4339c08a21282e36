import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import t from 'tap'
import type { Flow } from '../../../src/contracts/flow.ts'
import { ERROR_CODES, GatewayError } from '../../../src/contracts/gateway-error.ts'
import type { Resolver } from '../../../src/contracts/resolver.ts'
import { CaptureDoor, type CapturePolicy, type CaptureRoom } from '../../../src/passthrough/capture-door.ts'
import { heldAnswer } from '../../../src/passthrough/held-answer.ts'
import type { HeldSyn } from '../../../src/passthrough/hold/queue-messages.ts'
import { createAnsweredNames } from '../../../src/passthrough/names/answered-names.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

const SYN: HeldSyn = {
  packet: 1,
  sequence: 1,
  source: { address: '10.0.0.2', port: 40_000 },
  dialled: { address: '192.0.2.1', family: 4, port: 443 },
}

function rig(
  policy: Partial<CapturePolicy> = {},
  judge: CaptureRoom['judge'] = () => 'room',
  resolve: Resolver['resolve'] = async () => [{ address: '192.0.2.1', family: 4 }],
) {
  const clock = manualClock()
  const names = createAnsweredNames({ clock })
  const flows: Flow[] = []
  const signals: AbortSignal[] = []
  const answers: string[] = []
  const standing: string[] = []
  let id = 0
  const door = new CaptureDoor({
    clock,
    names,
    resolver: { resolve },
    context: {
      name: 'capture',
      scope: 'containers',
      nextId: () => String(++id),
      handleFlow: async (flow, signal) => {
        flows.push(flow)
        signals.push(signal)
        if (signal.aborted) answers.push(`${flow.id} is gone`)
      },
      handleRequest: async () => {},
    },
    policy: () => ({ trust: 'address', peekMs: 100, namesMatter: () => false, ...policy }),
    ownDoor: () => undefined,
    ownerOf: (address) => (address.startsWith('10.9.') ? 'strangers' : address),
    directory: () => undefined,
    room: {
      judge,
      add: (client) => void standing.push(client),
      remove: (client) => void standing.splice(standing.indexOf(client), 1),
    },
    crowded: (address, which) => answers.push(`${address} ${which}`),
  })
  const hold = (syn: HeldSyn) => door.held(syn, (answer) => answers.push(`${syn.packet} ${answer}`))
  return { clock, names, flows, signals, answers, standing, door, hold }
}

function arriving(port = SYN.source.port, local = SYN.dialled.address): Socket {
  const socket = new EventEmitter() as unknown as Socket
  return Object.assign(socket, {
    localAddress: local,
    localPort: 443,
    remoteAddress: '10.0.0.2',
    remotePort: port,
    resetAndDestroy: () => socket.emit('reset'),
  })
}

t.test('who has no answer when the gateway ends is told, and the log why', async (t) => {
  const { door, hold, flows, signals } = rig()
  hold(SYN)
  hold({ ...SYN, packet: 2, source: { ...SYN.source, port: 40_001 } })
  door.connected(arriving(40_002))
  const gone = arriving(40_003)
  door.connected(gone)
  door.connected(arriving(40_004))
  await until('all are flows', () => flows.length === 5)
  const places = [0, 1, 2, 3, 4].map((more) => flows.findIndex(({ client }) => client.port === SYN.source.port + more))
  flows[places[0]!]!.reject(new GatewayError('ACCESS_DENIED', 'no'))
  gone.emit('close')
  await flows[places[4]!]!.accept()
  door.giveUp()
  t.same(
    places.map((place) => (signals[place]!.reason as GatewayError | undefined)?.code),
    [undefined, 'SHUTTING_DOWN', 'SHUTTING_DOWN', 'CLIENT_GONE', undefined],
  )
})

t.test('nor is a name held against an address for longer than somebody waits for it', async (t) => {
  const asked: string[] = []
  const silent: Resolver['resolve'] = (name, signal) => {
    asked.push(name)
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const { door, flows, signals, clock } = rig({ namesMatter: () => true }, () => 'room', silent)
  const speaking = (port: number) => {
    const socket = new PassThrough()
    socket.write('GET / HTTP/1.1\r\nHost: silent.test\r\n\r\n')
    const { localAddress, localPort, remoteAddress, remotePort } = arriving(port)
    return Object.assign(socket, { localAddress, localPort, remoteAddress, remotePort }) as unknown as Socket
  }
  const left = speaking(40_001)
  door.connected(left)
  door.connected(speaking(40_002))
  await until('both names are looked up', () => asked.length === 2)
  left.emit('close')
  await until('one is a flow', () => flows.length === 1)
  door.giveUp()
  await until('the other, too', () => flows.length === 2)
  t.same(
    flows.map(({ client }, at) => [client.port, (signals[at]!.reason as GatewayError).code]),
    [
      [40_001, 'CLIENT_GONE'],
      [40_002, 'SHUTTING_DOWN'],
    ],
  )
  t.equal(clock.pending, 0)
})

t.test('reset by its client before it was looked at: a flow all the same, if it is nobody’s yet', async (t) => {
  const { answers, flows, door, hold } = rig()
  const gone = () => {
    let isDestroyed = false
    const destroy = () => {
      isDestroyed = true
    }
    // What the kernel says of such a socket: where it led, and no longer where it came from.
    const socket = Object.assign(arriving(), { remoteAddress: undefined, remotePort: undefined, destroy })
    door.connected(socket as unknown as Socket)
    return isDestroyed
  }
  t.equal(gone(), true)
  t.match(flows, [
    { protocol: 'captured', captured: { dialled: { host: '192.0.2.1', port: 443 } }, client: { local: false } },
  ])
  t.same(answers.splice(0), ['1 is gone'])
  await t.rejects(flows[0]!.accept(), { code: 'CLIENT_GONE' })
  hold(SYN)
  void flows[1]!.accept().catch(() => {})
  t.equal(gone(), true)
  t.equal(flows.length, 2, 'the attempt that was held leaves the line')
})

t.test('a new attempt from the ports of one that was let in is judged like any other', async (t) => {
  let judged: ReturnType<CaptureRoom['judge']> = 'room'
  const { answers, flows, door, hold } = rig({}, () => judged)
  hold(SYN)
  await until('it has begun', () => flows.length === 1)
  const conn = flows[0]!.accept()
  door.connected(arriving())
  await conn
  judged = 'no-room'
  hold({ ...SYN, packet: 2 })
  t.same(answers.splice(0), ['1 accept', '2 accept'], 'a repetition is none')
  hold({ ...SYN, packet: 3, sequence: 2 })
  t.same(answers, ['10.0.0.2 no-room', '3 reset'])
})

t.test('as many connections as may stand: refused while it can be told', async (t) => {
  let judged: ReturnType<CaptureRoom['judge']> = 'no-room'
  const asked: unknown[] = []
  const { answers, flows, hold } = rig({}, (client, more) => {
    asked.push([client, more])
    return judged
  })
  hold(SYN)
  judged = 'no-share'
  hold({ ...SYN, packet: 2 })
  t.same(answers.splice(0), ['10.0.0.2 no-room', '1 reset', '10.0.0.2 no-share', '2 reset'])
  judged = 'room'
  hold(SYN)
  hold({ ...SYN, packet: 3, source: { ...SYN.source, port: 1 } })
  hold({ ...SYN, packet: 4, source: { address: '10.0.0.3', port: 1 } })
  await until('all have begun', () => flows.length === 3)
  t.same(
    asked.slice(2),
    [
      ['10.0.0.2', { ofClient: 1, ofAll: 1 }],
      ['10.0.0.2', { ofClient: 2, ofAll: 2 }],
      ['10.0.0.3', { ofClient: 1, ofAll: 3 }],
    ],
    'those that are under way are counted in',
  )
  judged = 'no-room'
  hold({ ...SYN, packet: 5 })
  t.same(answers, ['1 undefined'], 'one that is under way already is not refused when it is said again')
})

t.test('a connection is counted from its coming to its end, and refused where it is too many', async (t) => {
  let judged: ReturnType<CaptureRoom['judge']> = 'room'
  const { door, answers, standing, flows } = rig({ namesMatter: () => false }, () => judged)
  const first = arriving(1)
  door.connected(first)
  t.same(standing, ['10.0.0.2'])
  judged = 'no-share'
  const second = arriving(2)
  let reset = false
  second.once('reset' as 'close', () => {
    reset = true
  })
  door.connected(second)
  t.equal(reset, true)
  t.same(answers, ['10.0.0.2 no-share'])
  second.emit('close')
  first.emit('close')
  t.same(standing, [])
  await Promise.resolve()
  t.equal(flows.length, 1)
})

t.test('held until the way out stands; a repetition takes the place of the packet before', async (t) => {
  const { door, flows, answers, hold } = rig()
  hold(SYN)
  hold({ ...SYN, packet: 2 })
  t.same(answers, ['1 undefined'])
  t.match(flows, [
    { target: { host: '192.0.2.1', port: 443 }, scope: 'containers', client: { address: '10.0.0.2', local: false } },
  ])
  t.equal(flows.length, 1)
  const accepted = flows[0]!.accept()
  t.same(answers, ['1 undefined', '2 accept'])
  const socket = arriving()
  door.connected(socket)
  t.equal(await accepted, socket)
  t.equal(door.holding, 0)
})

t.test('a client that has given up', async (t) => {
  const { door, flows, clock, hold } = rig()
  hold(SYN)
  const accepted = flows[0]!.accept()
  clock.advance(3_000)
  await t.rejects(accepted, { code: 'CLIENT_GONE' })
  t.equal(door.holding, 0)
})

t.test('refusals', async (t) => {
  for (const [code, answer] of [
    ['CONNECT_REFUSED', '1 reset'],
    ['POLICY_REJECTED', '1 reset'],
    ['HOST_UNREACHABLE', '1 hostUnreachable'],
    ['NETWORK_UNREACHABLE', '1 networkUnreachable'],
    ['CONNECT_TIMEOUT', '1 undefined'],
  ] as const) {
    const { flows, answers, hold } = rig()
    hold(SYN)
    flows[0]!.reject(new GatewayError(code, 'x'))
    t.same(answers, [answer], code)
    hold({ ...SYN, packet: 2 })
    t.same(answers, [answer, answer.replace('1', '2')], 'and its repetition, which nobody is asked about again')
    t.equal(flows.length, 1)
  }
  for (const code of ERROR_CODES) t.ok(heldAnswer(code), code)
})

t.test('names: from DNS before anything else; where one matters and is not known, let in first', async (t) => {
  const { flows, answers, names, hold } = rig({ namesMatter: () => true })
  hold(SYN)
  t.same(answers, ['1 accept'], 'its first bytes may hold a name')
  t.equal(flows.length, 0)
  names.remember('10.0.0.2', 'www.test', ['192.0.2.1'], 60)
  hold({ ...SYN, packet: 2 })
  t.match(flows, [
    {
      target: { host: 'www.test', family: 0, port: 443 },
      captured: { dialled: { host: '192.0.2.1' }, nameSource: 'dns' },
    },
  ])
  hold({ ...SYN, packet: 3, dialled: { ...SYN.dialled, address: '192.0.2.9', port: 22 } })
  await until('begun', () => flows.length === 2)
  t.match(flows[1], { target: { host: '192.0.2.9', port: 22 } }, 'SSH servers speak first: no name to wait for')
})

t.test('several names told for one address: let in first, so that its first bytes say which', async (t) => {
  const { flows, answers, names, hold } = rig({ namesMatter: () => true })
  names.remember('10.0.0.2', 'a.test', ['192.0.2.1'], 60)
  names.remember('10.0.0.2', 'b.test', ['192.0.2.1'], 60)
  hold(SYN)
  t.same(answers, ['1 accept'])
  t.equal(flows.length, 0)
  hold({ ...SYN, packet: 2, dialled: { ...SYN.dialled, port: 22 } })
  t.match(flows, [{ target: { host: 'b.test' }, captured: { nameSource: 'dns', oneOf: ['b.test', 'a.test'] } }])
})

t.test(
  'one name told, and other names are to be refused: let in first, so that its first bytes say whether it is meant',
  async (t) => {
    const { door, flows, answers, names, hold } = rig({ namesMatter: () => true, trust: 'reject' })
    names.remember('10.0.0.2', 'a.test', ['192.0.2.1'], 60)
    t.equal(door.query({ host: '192.0.2.1', family: 4, port: 443 }, SYN.source), undefined)
    hold(SYN)
    t.same(answers, ['1 accept'])
    t.equal(flows.length, 0)
    hold({ ...SYN, packet: 2, dialled: { ...SYN.dialled, port: 22 } })
    t.match(flows, [{ target: { host: 'a.test' }, captured: { nameSource: 'dns' } }])
  },
)

t.test('several names told, none of which could matter: held', async (t) => {
  const { flows, answers, names, hold } = rig({ namesMatter: () => false })
  names.remember('10.0.0.2', 'a.test', ['192.0.2.1'], 60)
  names.remember('10.0.0.2', 'b.test', ['192.0.2.1'], 60)
  hold(SYN)
  t.same(answers, [])
  t.match(flows, [{ target: { host: 'b.test' }, captured: { oneOf: ['b.test', 'a.test'] } }])
})

t.test('bounded', async (t) => {
  const { answers, flows, hold } = rig()
  for (let port = 1; port <= 5000; port++) {
    const address = `10.0.0.${1 + (port % 20)}`
    hold({ ...SYN, packet: port, source: { ...SYN.source, address, port } })
  }
  await until('all that may have begun', () => flows.length === 4096)
  const dropped = answers.filter((answer) => answer.endsWith(' undefined'))
  t.equal(dropped.length, 5000 - 4096, 'the rest is dropped, and sent again by its clients')
  t.match(answers, ['10.0.0.18 full'], 'and told')
})

t.test('one client has its share', async (t) => {
  const { answers, flows, hold } = rig()
  for (let port = 1; port <= 600; port++) hold({ ...SYN, packet: port, source: { ...SYN.source, port } })
  await until('all that may have begun', () => flows.length === 512)
  t.match(answers, ['10.0.0.2 full-for-client', '513 undefined'])
  hold({ ...SYN, packet: 1000, source: { ...SYN.source, address: '10.0.0.3' } })
  await until('begun', () => flows.length === 513)
})

t.test('addresses that one may feign have one share together', async (t) => {
  const { answers, flows, hold, door, standing } = rig()
  for (let at = 0; at < 600; at++) {
    hold({ ...SYN, packet: at, source: { ...SYN.source, address: `10.9.${at >> 8}.${at & 255}` } })
  }
  await until('all that may have begun', () => flows.length === 512)
  t.match(answers, ['10.9.2.0 full-for-client', '512 undefined'], 'told by address')
  hold({ ...SYN, packet: 1000 })
  await until('another client’s', () => flows.length === 513)
  door.connected(Object.assign(arriving(), { remoteAddress: '10.9.0.1' }))
  t.same(standing, ['strangers'])
})

t.test('somebody dials the transparent socket itself', async (t) => {
  const { door, flows } = rig()
  const socket = arriving(1, '127.0.0.1')
  let reset = false
  socket.once('reset' as 'close', () => {
    reset = true
  })
  door.connected(socket)
  t.equal(reset, true)
  t.equal(flows.length, 0)
})

t.test('draining: refused at once', async (t) => {
  const { door, answers, flows, hold } = rig()
  door.drain()
  hold(SYN)
  t.same(answers, ['1 reset'])
  t.equal(flows.length, 0)
})

t.test('what an attempt asks for, where another serves it', async (t) => {
  const { door, names, hold, flows } = rig()
  const dialled = { host: '192.0.2.1', family: 4, port: 443 } as const
  const from = SYN.source
  t.same(door.query(dialled, from), {
    target: dialled,
    captured: { dialled },
    scheme: 'https',
    scope: 'containers',
    client: { ...from, local: false },
  })
  names.remember(from.address, 'www.test', [dialled.host], 60)
  t.match(door.query(dialled, from), { target: { host: 'www.test' }, captured: { dialled, nameSource: 'dns' } })
  hold(SYN)
  t.equal(door.query(dialled, from), undefined, 'it is under way here already')
  t.ok(door.query(dialled, { ...from, port: 1 }))
  flows[0]!.reject(new GatewayError('CONNECT_TIMEOUT', 'x'))
  t.equal(door.query(dialled, from), undefined, 'it gets no answer')
  door.drain()
  t.equal(door.query(dialled, { ...from, port: 1 }), undefined, 'it is to be refused')
})

t.test('what only the first bytes can tell is not asked for before', async (t) => {
  const { door, names } = rig({ namesMatter: () => true })
  const dialled = { host: '192.0.2.1', family: 4, port: 443 } as const
  t.equal(door.query(dialled, SYN.source), undefined)
  t.ok(door.query({ ...dialled, port: 22 }, SYN.source), 'SSH servers speak first')
  names.remember(SYN.source.address, 'a.test', [dialled.host], 60)
  t.ok(door.query(dialled, SYN.source))
  names.remember(SYN.source.address, 'b.test', [dialled.host], 60)
  t.equal(door.query(dialled, SYN.source), undefined, 'one of two')
})
