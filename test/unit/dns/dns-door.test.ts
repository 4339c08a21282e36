import t from 'tap'
import { systemClock } from '../../../src/contracts/clock.ts'
import { openDnsDoor } from '../../../src/dns/dns-door.ts'
import { serversThatListen } from '../../fixtures/servers-that-listen.ts'
import { udpPeer } from '../../fixtures/udp.ts'

t.test('a door that drains answers the questions that wait for their turn, too', async (t) => {
  const ASKED = 24
  let closed = () => {}
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve
  })
  let asked = 0
  const door = await openDnsDoor({
    clock: systemClock,
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    admits: () => true,
    ownerOf: (address) => address,
    dropped: () => {},
    maxTcpConnections: () => 1,
    troubled: () => {},
    async answer(query) {
      asked += 1
      // The system has handed over all of them by then, and one is answered in each turn.
      if (asked === 1) setImmediate(() => door.drain(closed))
      return query
    },
  })
  t.teardown(() => door.close())
  const client = await udpPeer(t)
  for (let count = 0; count < ASKED; count += 1) client.send(Buffer.from(`question ${count}`), door.address)
  await isClosed
  t.equal(asked, ASKED)
  const answers = new Set<string>()
  for (let count = 0; count < ASKED; count += 1) answers.add(String((await client.next()).data))
  t.equal(answers.size, ASKED)
})

t.test('connections that cannot be taken for want of descriptors are told of, and end nothing', async (t) => {
  const servers = serversThatListen(t)
  const told: string[] = []
  const door = await openDnsDoor({
    clock: systemClock,
    address: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    admits: () => true,
    ownerOf: (address) => address,
    dropped: () => {},
    maxTcpConnections: () => 1,
    troubled: ({ message }) => told.push(message),
    answer: async (query) => query,
  })
  t.teardown(() => door.close())
  // The last one: a port that is free for TCP alone is given back.
  servers.at(-1)?.emit('error', new Error('accept EMFILE'))
  t.same(told, ['accept EMFILE'])
})
