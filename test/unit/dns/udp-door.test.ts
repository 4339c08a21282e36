import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { openDnsDoor } from '../../../src/dns/dns-door.ts'
import { bindUdp } from '../../../src/dns/udp-door.ts'
import { canSharePorts } from '../../../src/system/share-port.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

// On Linux all of 127.0.0.0/8 is loopback, and what a socket bound to no address sends there leaves from 127.0.0.1.
const skip = canSharePorts ? false : 'two sockets share a port where the system’s calls can be made, on Linux'

async function doorAtEveryAddress(t: Test, localAddresses: string[]) {
  const clock = manualClock()
  const waiting: (() => void)[] = []
  const state = { isHeld: false }
  const door = await openDnsDoor({
    clock,
    address: { kind: 'tcp', host: '0.0.0.0', port: 0 },
    admits: () => true,
    ownerOf: (address) => address,
    dropped: () => {},
    maxTcpConnections: () => 1,
    troubled: () => {},
    localAddresses: () => localAddresses,
    async answer(query) {
      if (state.isHeld) await new Promise<void>((resolve) => waiting.push(resolve))
      return query
    },
  })
  t.teardown(() => door.close())
  const { port } = door.address
  /** The address that the answer comes from. */
  const ask = async (address: string, isSent = () => {}): Promise<string> => {
    const client = createSocket('udp4')
    t.teardown(() => client.close())
    client.bind(0, '127.0.0.1')
    await once(client, 'listening')
    client.send(`asked of ${address}`, port, address, isSent)
    const [, from] = (await once(client, 'message')) as [Buffer, { address: string }]
    return from.address
  }
  const look = async () => {
    clock.advance(1_000)
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate)
  }
  return { ...{ clock, door, port, state, waiting, ask, look, localAddresses } }
}

t.test('at every address, an answer leaves from the address that was asked', { skip }, async (t) => {
  const { ask } = await doorAtEveryAddress(t, ['127.0.0.1', '127.0.0.2', '127.0.0.3', '192.0.2.77', '::1'])
  for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) t.equal(await ask(address), address)
  t.equal(await ask('127.0.0.4'), '127.0.0.1', 'one that nobody knows is answered all the same')
})

t.test('addresses that come and go are followed', { skip }, async (t) => {
  const { ask, look, localAddresses } = await doorAtEveryAddress(t, ['127.0.0.2'])
  localAddresses.push('127.0.0.3')
  await look()
  for (const address of ['127.0.0.2', '127.0.0.3']) t.equal(await ask(address), address)
  localAddresses.shift()
  await look()
  t.equal(await ask('127.0.0.2'), '127.0.0.1')
  t.equal(await ask('127.0.0.3'), '127.0.0.3')
})

t.test('nobody else gets a port that anybody may have', { skip }, async (t) => {
  const { port, ask } = await doorAtEveryAddress(t, ['127.0.0.2'])
  for (const address of ['127.0.0.2', '127.0.0.9', '0.0.0.0']) {
    await t.rejects(bindUdp(address, port, true), { code: 'EADDRINUSE' }, address)
  }
  t.equal(await ask('127.0.0.2'), '127.0.0.2')
})

t.test(
  'draining, it answers what was asked at any address, closes once, and opens nothing more',
  { skip },
  async (t) => {
    const { door, port, state, waiting, ask, look, localAddresses } = await doorAtEveryAddress(t, [
      '127.0.0.1',
      '127.0.0.2',
    ])
    state.isHeld = true
    const answers = ['127.0.0.1', '127.0.0.2', '127.0.0.4'].map((address) => ask(address))
    await until('the questions', () => waiting.length === 3)
    let closed = 0
    door.drain(() => {
      closed += 1
    })
    localAddresses.push('127.0.0.3')
    await look()
    door.resume()
    await look()
    state.isHeld = false
    t.equal(await ask('127.0.0.3'), '127.0.0.3', 'it had come back')
    door.drain(() => {
      closed += 1
    })
    t.equal(closed, 0)
    for (const answer of waiting) answer()
    t.same(await Promise.all(answers), ['127.0.0.1', '127.0.0.2', '127.0.0.1'])
    await until('it closes', () => closed > 0)
    await look()
    t.equal(closed, 1)
    for (const address of ['127.0.0.2', '0.0.0.0']) (await bindUdp(address, port)).close()
  },
)
