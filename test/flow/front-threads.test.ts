import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { failure } from '../contract/far-ends.ts'
import { openConnect } from '../fixtures/clients.ts'
import { everythingIsLoopback, startTestGateway, type TestGateway } from '../fixtures/gateway.ts'
import { readExactly } from '../fixtures/reading.ts'
import { until } from '../fixtures/until.ts'
import { startEcho } from '../fixtures/upstreams/origins.ts'

const skip =
  process.platform !== 'linux'
    ? 'the front is for Linux'
    : process.env['FAIRLEAD_FAST_RELAY'] === 'off' && 'FAIRLEAD_FAST_RELAY=off switches the front off'

/** Tunnels in which every thread has its share, be they seldom on a processor. */
const MOST = 300

const options = { front: 'at-once', resolver: everythingIsLoopback, frontThreads: 3 } as const

async function start(t: Test, settings: object = {}) {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const gateway = await startTestGateway(t, settings, options)
  const sockets: Socket[] = []
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  /** A tunnel, or the answer in its place. */
  const open = async () => {
    const { socket, status } = await openConnect(gateway.port, `some.example:${echo.port}`)
    sockets.push(socket.on('error', () => {}))
    return { socket, status }
  }
  return {
    gateway,
    target: `some.example:${echo.port}`,
    open,
    all: (count: number) => Promise.all(Array.from({ length: count }, open)),
  }
}

/** Tunnels by thread, once so many are known to stand. */
async function byThread({ gateway }: TestGateway, count: number): Promise<readonly number[]> {
  await until('all are known', () => gateway.frontTunnels === count)
  return gateway.frontTunnelsByThread
}

/** Waits until nobody listens any more: every thread has closed its descriptor. */
async function refusesAll(port: number): Promise<void> {
  for (let refused = false; !refused; ) {
    const socket = connect(port, '127.0.0.1')
    refused = await new Promise((resolve) => {
      socket
        .once('connect', () => resolve(false))
        .on('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'))
    })
    socket.destroy()
  }
}

t.test('clients who come one after the other are each another thread’s', { skip }, async (t) => {
  const { gateway, open } = await start(t)
  const one = async () => {
    const { socket, status } = await open()
    t.equal(status, 200)
    socket.write('hello')
    t.equal(await readExactly(socket, 5), 'hello')
    return socket
  }
  for (let count = 0; count < 30; count += 1) await one()
  t.equal((await byThread(gateway, 30)).length, 3)
  t.match(gateway.gateway.status(), { liveFlows: 30, clientConnections: 30, frontTunnels: 30 })
  // Ten each where nothing disturbs. A thread that a busy machine has not yet put to sleep is passed over, and has its turn later.
  const least = () => Math.min(...gateway.gateway.frontTunnelsByThread)
  let count = 30
  for (; least() < 4 && count < MOST; count += 1) (await one()).destroy()
  t.ok(least() >= 4, `${gateway.gateway.frontTunnelsByThread.join(', ')} of ${count}`)
})

t.test('of many who come at once no thread has most, and none is lost', { skip }, async (t) => {
  const { gateway, all } = await start(t)
  /** Three hundred; how many each thread had of them. */
  const burst = async (place: number) => {
    const before = gateway.gateway.frontTunnelsByThread
    const opened = await all(300)
    t.ok(opened.every(({ status }) => status === 200))
    for (const { socket } of opened) socket.end('hello')
    t.same(await Promise.all(opened.map(({ socket }) => readExactly(socket, 5))), Array(300).fill('hello'))
    const lines = (await gateway.flowCount(300 * (place + 1))).slice(300 * place)
    t.ok(lines.every(({ ended, bytesUp, bytesDown }) => ended === 'finished' && bytesUp === 5 && bytesDown === 5))
    t.equal(new Set(lines.map(({ flow }) => flow)).size, 300, 'ids of their own')
    t.equal(new Set(lines.map(({ client }) => client)).size, 300, 'and clients')
    return gateway.gateway.frontTunnelsByThread.map((tunnels, thread) => tunnels - before[thread]!)
  }
  let tunnels = await burst(0)
  // A thread that stands still while they come has none of them, but not each time.
  for (let again = 1; again < 5 && Math.max(...tunnels) > 200; again += 1) tunnels = await burst(again)
  t.ok(Math.max(...tunnels) <= 200, `${tunnels.join(', ')} of 300`)
  await until('no place is taken', () => gateway.gateway.status().clientConnections === 0)
})

t.test('as many as the limit says, over all threads, and not one more', { skip }, async (t) => {
  const { gateway } = await start(t, { limits: { connections: 12 } })
  // They say nothing, so each keeps its place.
  const clients = Array.from({ length: 40 }, () =>
    connect(gateway.port, '127.0.0.1')
      .on('error', () => {})
      .resume(),
  )
  t.teardown(() => {
    for (const client of clients) client.destroy()
  })
  let gone = 0
  for (const client of clients) {
    client.once('close', () => {
      gone += 1
    })
  }
  const refused = () => gateway.lines.filter(({ msg }) => msg === 'client refused').length
  await until('those beyond it are turned away', () => gone === 28 && refused() === 28)
  await until('twelve have places', () => gateway.gateway.status().clientConnections === 12)
  const left = clients.filter((client) => !client.destroyed)
  t.equal(left.length, 12)
  for (const client of left) client.destroy()
  await until('their places are free', () => gateway.gateway.status().clientConnections === 0)
  const again = Array.from({ length: 12 }, () =>
    connect(gateway.port, '127.0.0.1')
      .on('error', () => {})
      .resume(),
  )
  clients.push(...again)
  await until('they have come', () => gateway.gateway.status().clientConnections === 12)
  t.equal(refused(), 28)
})

t.test('other settings hold for the very next client of every thread, each time', { skip }, async (t) => {
  const { gateway, open } = await start(t)
  for (let round = 0; round < 10; round += 1) {
    // Every thread has decided, and may use it again.
    for (let count = 0; count < 6; count += 1) t.equal((await open()).status, 200)
    const crossing = open()
    await gateway.reload({ access: { deny: ['some.example'] } })
    for (let count = 0; count < 6; count += 1) t.equal((await open()).status, 403)
    await crossing
    await gateway.reload({})
  }
})

t.test('a door that a reload adds is served by all, and one that it takes away by none', { skip }, async (t) => {
  const { gateway, target } = await start(t)
  await gateway.reload({ listen: { mixed: ['127.0.0.1:0', '127.0.0.1:0'] } })
  const second = gateway.gateway.addresses.map((address) => (address.kind === 'tcp' ? address.port : 0))[1]!
  const tunnels = []
  const least = () => Math.min(...gateway.gateway.frontTunnelsByThread)
  while (tunnels.length < 15 || (least() < 2 && tunnels.length < MOST)) tunnels.push(await openConnect(second, target))
  t.ok(tunnels.every(({ status }) => status === 200))
  t.ok(Math.min(...(await byThread(gateway, tunnels.length))) >= 2)
  await gateway.reload({ listen: { mixed: '127.0.0.1:0' } })
  await refusesAll(second)
  for (const { socket } of tunnels) {
    socket.on('error', () => {}).write('still')
    t.equal(await readExactly(socket, 5), 'still', 'whoever was there goes on')
    socket.destroy()
  }
})

t.test('a drain waits for the tunnels of every thread, and its end cuts them', { skip }, async (t) => {
  const { gateway, all } = await start(t)
  const opened = await all(9)
  await byThread(gateway, 9)
  const [first, ...rest] = opened
  const drained = gateway.gateway.drain(60_000)
  await refusesAll(gateway.port)
  first!.socket.write('hello')
  t.equal(await readExactly(first!.socket, 5), 'hello')
  first!.socket.end()
  await gateway.flowCount(1)
  const failures = Promise.all(rest.map(({ socket }) => failure(socket)))
  const cut = gateway.gateway.close()
  t.same(await failures, Array(8).fill('ECONNRESET'))
  await cut
  await drained
  t.match((await gateway.flowCount(9)).slice(1), Array(8).fill({ ended: 'aborted' }))
})
