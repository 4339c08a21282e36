import http from 'node:http'
import net from 'node:net'
import t, { type Test } from 'tap'
import type { StreamDialer } from '../../../src/contracts/dialer.ts'
import { ScriptKeeper } from '../../../src/pac-engine/script-keeper.ts'
import type { PacSource } from '../../../src/pac-engine/script-source.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

t.test('an embedded script that did not load is tried again, and left alone once it has', async (t) => {
  const clock = manualClock()
  const tries: number[] = []
  const keeper = new ScriptKeeper({
    source: { kind: 'embedded', script: 'function FindProxyForURL() { return "DIRECT" }' },
    clock,
    use: async () => {
      tries.push(clock.monotonic())
      if (tries.length < 3) throw new Error('the machine is too busy to run it in time')
    },
    useStored: async () => false,
    confirmed: () => true,
    failed: () => {},
    stored: () => {},
  })
  t.teardown(() => keeper.close())
  await keeper.refresh()
  t.same(tries, [0])
  t.equal(clock.pending, 1, 'another try is planned')
  clock.advance(8_000)
  await until('the second failure', () => tries.length === 2 && clock.pending === 1)
  t.same(tries, [0, 8_000])
  clock.advance(32_000)
  await until('the third try', () => tries.length === 3)
  t.same(tries, [0, 8_000, 40_000], 'with growing pauses')
  t.equal(clock.pending, 0, 'nothing is planned for a script that cannot change')
})

/** A server that answers when told to. */
async function slowServer(t: Test): Promise<{ readonly requests: http.ServerResponse[]; readonly source: PacSource }> {
  const requests: http.ServerResponse[] = []
  const server = http.createServer((_, response) => void requests.push(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close().closeAllConnections())
  const { port } = server.address() as net.AddressInfo
  const dial: StreamDialer['dial'] = async ({ host, port }) => {
    const socket = net.connect({ host, port, allowHalfOpen: true })
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }
  return { requests, source: { kind: 'url', url: `http://127.0.0.1:${port}/proxy.pac`, dialer: { dial } } }
}

for (const how of ['answers', 'does not answer'] as const) {
  t.test(`a network that never settles: a server that ${how} in time for the fourth is read to the end`, async (t) => {
    const { requests, source } = await slowServer(t)
    const clock = manualClock()
    const told: string[] = []
    const keeper = new ScriptKeeper({
      source,
      clock,
      readMs: 30_000,
      use: async ({ text }) => void told.push(text),
      useStored: async () => false,
      confirmed: () => told.push('the same') > 0,
      failed: ({ message }) => told.push(message),
      stored: () => {},
    })
    t.teardown(() => keeper.close())
    let settled = false
    void keeper.refresh().then(() => {
      settled = true
    })
    for (let changes = 1; changes <= 4; changes++) {
      await until(`request ${changes}`, () => requests.length === changes)
      void keeper.networkChanged()
      void keeper.networkChanged()
    }
    if (how === 'answers') requests[3]?.end('DIRECT')
    else clock.advance(30_000)
    await until('what came of it', () => told.length > 0)
    t.match(told, how === 'answers' ? ['DIRECT'] : [/took longer than 30 s/])
    await until('that it is read again, for the network has changed meanwhile', () => requests.length === 5)
    void keeper.networkChanged()
    await until('that the next ones are given up again', () => requests.length === 6)
    requests[5]?.end('DIRECT')
    await until('the end', () => settled)
    t.equal(told.length, 2)
    t.match(told[1], how === 'answers' ? 'the same' : 'DIRECT')
    t.equal(requests.length, 6)
  })
}
