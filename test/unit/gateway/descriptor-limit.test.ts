import t from 'tap'
import * as limits from '../../../src/gateway/descriptor-limit.ts'
import { SESSIONS, SESSIONS_PER_CLIENT } from '../../../src/gateway/packet-limits.ts'

const { ROOM_FOR_ALL } = limits
/** Without threads that move bytes, which depend on the machine. */
const roomWithin = (limit: number | undefined, connections: number) => limits.roomWithin(limit, connections, 0)
const descriptorShortage = (limit: number, connections: number) => limits.descriptorShortage(limit, connections, 0)

const DEFAULT_CONNECTIONS = 20_000

/** What it may come to: see the constants of `descriptor-limit.ts`. */
const most = ({ connections, udp, replySockets }: ReturnType<typeof roomWithin>) =>
  100 + Math.min(connections, DEFAULT_CONNECTIONS) * 2 + udp.all * 3 + replySockets * 2.25

t.test(
  'what a limit on open files leaves room for: a quarter is for UDP, as long as there is too little',
  async (t) => {
    t.same(roomWithin(undefined, DEFAULT_CONNECTIONS), ROOM_FOR_ALL)
    t.same(roomWithin(Number.POSITIVE_INFINITY, DEFAULT_CONNECTIONS), ROOM_FOR_ALL)
    const little = roomWithin(4_096, DEFAULT_CONNECTIONS)
    t.equal(little.connections, 1_498)
    t.ok(little.udp.all > 250 && little.udp.all < 350, `${little.udp.all} client sockets`)
    t.ok(little.udp.ofAClient <= little.udp.all / 3, 'three clients find room')
    for (const limit of [1_024, 4_096, 20_000, 40_000, 60_000]) {
      t.ok(most(roomWithin(limit, DEFAULT_CONNECTIONS)) <= limit + 10, `all of it together, within ${limit}`)
    }
    const { connections, udp, replySockets } = roomWithin(10, DEFAULT_CONNECTIONS)
    t.ok(connections >= 1 && udp.all >= 1 && udp.ofAClient >= 1 && replySockets >= 1, 'never none')
  },
)

t.test('what connections do not need is UDP’s', async (t) => {
  const { connections, udp } = roomWithin(40_000, 1_000)
  t.same(udp, { all: SESSIONS, ofAClient: SESSIONS_PER_CLIENT })
  t.ok(connections >= 1_000)
  t.equal(
    roomWithin(16_384, 1_000).connections,
    roomWithin(16_384, DEFAULT_CONNECTIONS).connections,
    'and a reload may ask for more',
  )
  t.ok(roomWithin(4_096, 1_000).udp.all > roomWithin(4_096, DEFAULT_CONNECTIONS).udp.all)
})

t.test('a limit that is too low is told with what to do', async (t) => {
  t.equal(limits.descriptorShortage(undefined, DEFAULT_CONNECTIONS), undefined)
  t.equal(descriptorShortage(65_536, DEFAULT_CONNECTIONS), undefined, 'one that is usual')
  t.equal(descriptorShortage(524_288, DEFAULT_CONNECTIONS), undefined, 'systemd’s')
  t.match(
    descriptorShortage(1_024, 1_000),
    /open files is 1024; 1000 connections and UDP need 27252, so at most 346 connections at each door and \d\d client sockets of UDP \(\d\d of one client\) are served\. Raise it \(ulimit -n 27252/,
  )
  t.equal(descriptorShortage(20_000, 12), undefined, 'fewer client sockets in all, and of one client as many as ever')
  t.match(descriptorShortage(10_000, 1_000), /at most 1000 connections at each door and \d+ client sockets/)
})

t.test('after a reload it is what is served that is told', async (t) => {
  const served = roomWithin(10_000, DEFAULT_CONNECTIONS)
  t.notSame(roomWithin(10_000, 1_000).udp, served.udp, 'a start with these settings would have more for UDP')
  t.match(
    limits.descriptorShortage(10_000, 1_000, 0, served),
    `1000 connections at each door and ${served.udp.all} client sockets of UDP (${served.udp.ofAClient} of one client)`,
  )
  for (const limit of [1_024, 4_096, 20_000, 200_000]) {
    t.equal(roomWithin(limit, 500).connections, roomWithin(limit, DEFAULT_CONNECTIONS).connections, 'no settings count')
  }
})

t.test('threads that move bytes have some of their own', async (t) => {
  t.equal(limits.roomWithin(4_096, DEFAULT_CONNECTIONS, 12).connections, 1_417)
  t.equal(
    limits.descriptorShortage(65_536, DEFAULT_CONNECTIONS, 12),
    undefined,
    'a usual limit is enough for as many as there may be',
  )
  t.match(limits.descriptorShortage(1_024, 1_000, 2), /UDP need 27288/)
})
