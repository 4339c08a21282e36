import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { constants } from 'node:os'
import t, { type Test } from 'tap'
import type { FrontClient } from '../../../src/front/front-client.ts'
import type { FrontClientHost, Leaving } from '../../../src/front/front-client-host.ts'
import type { FrontDoor } from '../../../src/front/front-door.ts'
import { HeldDoor } from '../../../src/front/held-door.ts'
import type { HeldSyn, HoldQueue } from '../../../src/front/hold-queue.ts'
import { PATIENCE_MS } from '../../../src/front/messages.ts'
import { EPOLLERR, EPOLLOUT } from '../../../src/system/linux/epoll.ts'
import { unusedPort } from '../../fixtures/upstreams/listen.ts'

const skip = process.platform !== 'linux' && 'the front is for Linux'

const SYN: HeldSyn = {
  packet: 1,
  hold: 0,
  sequence: 1,
  source: { address: '10.0.0.2', port: 40_000 },
  dialled: { address: '192.0.2.1', family: 4, port: 443 },
}

/** The door with everything around it played: what happens is told in `log`, in order. */
function rig({ serves = true, hasShare = (_client: string): boolean => true, dialMs = 30_000 } = {}) {
  const log: string[] = []
  const asking: FrontClient[] = []
  const watched: number[] = []
  let now = 0
  let id = 0
  let incoming: (HeldSyn[] | undefined)[] = []
  const queue: HoldQueue = {
    hold: 0,
    descriptor: 99,
    receive: () => incoming.shift(),
    accept: (packet) => log.push(`accept ${packet}`),
    drop: (packet) => log.push(`drop ${packet}`),
    left: () => log.push('left'),
  }
  const tunnel = { ended: false, resting: false, happened() {}, move: () => false, end() {} }
  const host = {
    loop: {
      watch: (fd: number) => watched.push(fd) > 0,
      forget() {},
      closeShared: (fd: number) => log.push(`close ${fd === 99 ? 'queue' : 'shared'}`),
      closeDescriptor: (fd: number) => log.push(`close ${fd === 99 ? 'queue' : 'descriptor'}`),
    },
    times: { begin() {}, ended() {}, since: () => 0 },
    pacing: { lift() {} },
    startTunnel: () => tunnel,
    now: () => now,
    progress: () => 0,
    asks: (client: FrontClient) => void asking.push(client),
    doubts: () => log.push('doubts'),
    failed: (_client: FrontClient, address: string, error: number) => log.push(`failed ${address} ${error}`),
    stands: () => log.push('stands'),
    queue() {},
    holds() {},
    left: (_client: FrontClient, how: Leaving) => log.push(how.kind),
  } as unknown as FrontClientHost
  const counted: string[] = []
  const clients = {
    add: (client: string) => void counted.push(client),
    remove: (client: string) => void counted.splice(counted.indexOf(client), 1),
  }
  const door = new HeldDoor(
    {
      loop: host.loop,
      enter: (number, make) =>
        serves && number === 4
          ? make(++id, 0, { rules: { dialMs, patienceMs: PATIENCE_MS } } as FrontDoor, host)
          : undefined,
      hasShare,
      giveHeld: ({ packet, hold }) => log.push(`given ${packet}${hold === 0 ? '' : ` of ${hold}`}`),
      holdLost: ({ hold, descriptor }, code) => log.push(`lost ${hold} (${descriptor}): ${code}`),
    },
    clients,
  )
  door.take(queue, { 4: 4 })
  const hold = (...syns: HeldSyn[]) => {
    incoming = [syns, undefined]
    door.happened()
  }
  return { log, asking, watched, counted, door, hold, queue, advance: (ms: number) => (now += ms) }
}

/** A connection that stands, as the kernel would have let it in: the server's end, and the attempt that it was. */
async function connection(t: Test): Promise<{ fd: number; syn: HeldSyn }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const client = connect(port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle
  const source = { address: '127.0.0.1', port: socket.remotePort! }
  return { fd, syn: { packet: 7, hold: 0, sequence: 1, source, dialled: { address: '127.0.0.1', family: 4, port } } }
}

t.test('let in when the way out stands, and known when its connection comes', { skip }, async (t) => {
  const { fd, syn } = await connection(t)
  const { log, asking, watched, door, hold } = rig()
  hold(syn, { ...syn, packet: 8 })
  t.same(log, ['drop 7'], 'its client says it again while it waits')
  asking[0]!.answer(['127.0.0.1'])
  t.same(log, ['drop 7'], 'not before the way out stands')
  t.equal(door.arrived(4, fd, syn.source), false, 'a connection that nobody has let in is the door’s')
  asking[0]!.happened(watched.at(-1)!, EPOLLOUT)
  t.same(log, ['drop 7', 'accept 8'])
  hold({ ...syn, packet: 10 })
  t.same(log.splice(2), ['accept 10'], 'said again: it may not have been let in')
  t.equal(door.arrived(5, fd, syn.source), false, 'one of another door')
  t.equal(door.arrived(4, fd, syn.source), true)
  t.same(log, ['drop 7', 'accept 8', 'stands'])
  t.equal(door.arrived(4, fd, syn.source), false, 'once')
  hold({ ...syn, packet: 11 })
  t.same(log.splice(3), ['accept 11'], 'said again just before its client heard the answer')
  t.equal(asking.length, 1, 'nobody is dialled for that')
  hold({ ...syn, packet: 9, sequence: 2 })
  t.equal(asking.length, 2, 'the same ports again, later, are another attempt')
})

t.test('a client that gives up after all', { skip }, async (t) => {
  const { log, asking, watched, hold, advance } = rig()
  hold({ ...SYN, dialled: { ...SYN.dialled, address: '127.0.0.1' } })
  asking[0]!.answer(['127.0.0.1'])
  asking[0]!.happened(watched.at(-1)!, EPOLLOUT)
  asking[0]!.check(2_999)
  t.same(log, ['accept 1'])
  advance(3_000)
  asking[0]!.check(3_000)
  t.same(log, ['accept 1', 'close descriptor', 'gone'])
})

t.test('whatever is not simply direct is the door’s, repetitions too', { skip }, async (t) => {
  const { log, asking, hold } = rig()
  hold(SYN)
  asking[0]!.answer([])
  t.same(log, ['doubts', 'given-held'])
  hold({ ...SYN, packet: 2 })
  t.same(log.slice(2), ['given 2'])

  log.length = 0
  hold({ ...SYN, packet: 3, source: { ...SYN.source, port: 1 } })
  asking[1]!.check(899)
  t.same(log, [])
  asking[1]!.check(900)
  t.same(log, ['given-held'], 'nobody has decided in time')
})

t.test('refused: the door has the words for it, and need not ask again', { skip }, async (t) => {
  const { log, asking, watched, hold } = rig()
  const port = await unusedPort()
  hold({ ...SYN, dialled: { address: '127.0.0.1', family: 4, port } })
  asking[0]!.answer(['127.0.0.1'])
  asking[0]!.happened(watched.at(-1)!, EPOLLERR)
  const { ECONNREFUSED } = constants.errno
  t.same(log, [`failed 127.0.0.1 ${ECONNREFUSED}`, 'close descriptor', 'doubts', 'given-held'])
})

t.test('a refusal that takes long is waited for, where there is that much time', { skip }, async (t) => {
  const port = await unusedPort()
  for (const [dialMs, patience] of [
    [30_000, 3_500],
    [10_000, 1_250],
    [1_000, 900],
  ] as const) {
    const { log, asking, watched, hold } = rig({ dialMs })
    hold({ ...SYN, dialled: { address: '127.0.0.1', family: 4, port } })
    asking[0]!.answer(['127.0.0.1'])
    asking[0]!.check(patience - 1)
    t.same(log, [])
    asking[0]!.check(patience)
    t.same(log, ['doubts', 'close descriptor', 'given-held'], `dial: ${dialMs}`)
    t.equal(watched.length, 2)
  }
  const { log, asking, hold } = rig()
  hold({ ...SYN, dialled: { address: '127.0.0.1', family: 4, port } })
  asking[0]!.answer(['127.0.0.1', '127.0.0.2'])
  asking[0]!.check(249)
  t.same(log, [])
})

t.test('a connection that stood and broke before anybody looked: the door may ask again', { skip }, async (t) => {
  const { syn } = await connection(t)
  const { log, asking, watched, hold } = rig()
  hold(syn)
  asking[0]!.answer(['127.0.0.1'])
  asking[0]!.happened(watched.at(-1)!, EPOLLERR)
  t.same(log, ['close descriptor', 'doubts', 'given-held'])
})

t.test('where the front does not serve, all are the door’s', { skip }, async (t) => {
  const { log, hold } = rig({ serves: false })
  hold(SYN, { ...SYN, packet: 2, dialled: { address: '2001:db8::1', family: 6, port: 443 } })
  t.same(log, ['given 1', 'given 2'])
})

t.test('one client has its share, and what is beyond is the door’s', { skip }, async (t) => {
  const { log, asking, hold } = rig()
  for (let port = 1; port <= 300; port++) hold({ ...SYN, packet: port, source: { ...SYN.source, port } })
  t.equal(asking.length, 256)
  t.equal(log.length, 44)
  hold({ ...SYN, packet: 1_000, source: { address: '10.0.0.3', port: 1 } })
  t.equal(asking.length, 257, 'others go on')
  asking[0]!.cut()
  t.same(log.slice(44), ['drop 1', 'gone'], 'what is cut is dropped')
  hold({ ...SYN, packet: 1_001, source: { ...SYN.source, port: 9_999 } })
  t.equal(asking.length, 258, 'and makes room')
})

t.test('addresses that one may feign have one share together', { skip }, async (t) => {
  const { counted, asking, door, hold } = rig()
  door.own({ known: [['10.0.0.2', 'box']], subnets: ['10.0.0.0/16'], gateways: [] })
  const from = (address: string, packet: number) => hold({ ...SYN, packet, source: { ...SYN.source, address } })
  for (let at = 0; at < 300; at++) from(`10.0.${9 + (at >> 8)}.${at & 255}`, at)
  t.equal(asking.length, 256)
  from('10.0.0.2', 1_000)
  t.same([asking.length, counted[0], counted[256]], [257, 'strangers', 'box'])
  door.own({ known: [], subnets: ['10.0.0.0/16'], gateways: [] })
  for (const client of asking) client.cut()
  t.same(counted, [], 'each leaves as whom it has come, also when its address is another’s since')
})

t.test('a queue that cannot be read, and one that is let go', { skip }, async (t) => {
  const { log, door, queue } = rig()
  queue.receive = () => {
    throw 105
  }
  door.happened()
  t.same(log, ['left', 'lost 0 (99): 105'], 'closed by who has lent it')
  door.happened()
  door.letGo()
  t.same(log, ['left', 'lost 0 (99): 105'], 'once')
})

t.test('an attempt that is said again by another queue is that one’s', { skip }, async (t) => {
  const { log, asking, door, hold, queue } = rig()
  hold(SYN)
  const other: HoldQueue = { ...queue, hold: 1, receive: () => [{ ...SYN, packet: 1, hold: 1 }], left() {} }
  let reads = 0
  door.take({ ...other, receive: () => (reads++ === 0 ? other.receive() : undefined) }, { 4: 4 })
  door.happened()
  t.same(log, ['left', 'close queue', 'drop 1'], 'the packet before is given up to the queue that it is of')
  asking[0]!.give()
  t.equal(log.at(-1), 'given-held')
  t.match((asking[0] as unknown as { syn: HeldSyn }).syn, { packet: 1, hold: 1 })
})

t.test('a client is counted from its attempt to its end', { skip }, async (t) => {
  const { fd, syn } = await connection(t)
  const { asking, watched, counted, door, hold } = rig()
  hold(syn, { ...SYN, source: { ...SYN.source, port: 1 } }, { ...SYN, source: { ...SYN.source, port: 2 } })
  t.same(counted, ['127.0.0.1', '10.0.0.2', '10.0.0.2'])
  asking[1]!.give()
  asking[2]!.cut()
  t.same(counted, ['127.0.0.1'])
  asking[0]!.answer(['127.0.0.1'])
  asking[0]!.happened(watched.at(-1)!, EPOLLOUT)
  door.arrived(4, fd, syn.source)
  t.same(counted, ['127.0.0.1'], 'it stands')
  asking[0]!.tunnelEnded('finished', undefined)
  t.same(counted, [])
})

t.test('a client that has its share of all connections is the door’s', { skip }, async (t) => {
  const { log, counted, hold } = rig({ hasShare: () => false })
  hold(SYN)
  t.same(log, ['given 1'])
  t.same(counted, [])
})
