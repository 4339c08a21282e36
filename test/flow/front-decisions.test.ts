import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { NetworkWatch } from '../../src/contracts/network-watch.ts'
import type { Resolver } from '../../src/contracts/resolver.ts'
import { openConnect, openSocks5 } from '../fixtures/clients.ts'
import { startTestGateway, type TestGateway } from '../fixtures/gateway.ts'
import { unusedPort } from '../fixtures/upstreams/listen.ts'
import { startEcho } from '../fixtures/upstreams/origins.ts'

const skip =
  process.platform !== 'linux'
    ? 'the front is for Linux'
    : process.env['FAIRLEAD_FAST_RELAY'] === 'off' && 'FAIRLEAD_FAST_RELAY=off switches the front off'

/** Everything is loopback, and each time that somebody wants to know is counted: a decision of the gateway's, made anew. */
function countingResolver(): Resolver & { asked: number } {
  return {
    asked: 0,
    async resolve() {
      this.asked += 1
      return [{ address: '127.0.0.1', family: 4 }]
    },
  }
}

/** A tunnel that is opened and closed; its status. */
async function tunnel(gateway: TestGateway, authority: string): Promise<number | undefined> {
  const { status, socket } = await openConnect(gateway.port, authority)
  socket.on('error', () => {}).destroy()
  return status
}

t.test('what was decided serves the next who ask the same, and each leaves its own line', { skip }, async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const resolver = countingResolver()
  const gateway = await startTestGateway(t, {}, { front: 'at-once', resolver })
  const authority = `some.example:${echo.port}`
  t.equal(await tunnel(gateway, authority), 200)
  t.same(await Promise.all(Array.from({ length: 8 }, () => tunnel(gateway, authority))), Array(8).fill(200))
  const { reply, socket } = await openSocks5(gateway.port, 'some.example', echo.port)
  t.equal(reply, 0)
  socket.destroy()
  t.ok(resolver.asked < 10, `decided ${resolver.asked} times for ten tunnels`)
  const lines = await gateway.flowCount(10)
  t.ok(gateway.gateway.frontTunnels > 5, 'but for those that a busy machine has given to the door')
  t.equal(new Set(lines.map(({ flow }) => flow)).size, 10, 'ids of their own')
  t.equal(new Set(lines.map(({ client }) => client)).size, 10, 'ports of their own')
  for (const line of lines) {
    t.match(line, { decision: 'direct', route: 'direct', target: authority, because: { source: /./ } })
    t.ok(line.decisionMs! >= 0 && line.dialMs! >= 0 && line.durationMs! >= line.dialMs!, 'times are in order')
  }
  t.equal(lines.filter(({ protocol }) => protocol === 'socks5').length, 1)
})

t.test('other settings hold for the very next client, each time', { skip }, async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const gateway = await startTestGateway(t, {}, { front: 'at-once', resolver: countingResolver() })
  const authority = `some.example:${echo.port}`
  for (let round = 0; round < 20; round += 1) {
    t.equal(await tunnel(gateway, authority), 200)
    // One that is being decided while the settings change must not be remembered as of the new ones.
    const crossing = tunnel(gateway, authority)
    await gateway.reload({ access: { deny: ['some.example'] } })
    t.equal(await tunnel(gateway, authority), 403)
    await crossing
    t.equal(await tunnel(gateway, authority), 403)
    await gateway.reload({})
  }
})

t.test('another network ends what was decided in the old one', { skip }, async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const listeners = new Set<() => void>()
  const networkWatch = { onChange: (listener: () => void) => listeners.add(listener), close() {} }
  const resolver = countingResolver()
  const options = { front: 'at-once', resolver, networkWatch: networkWatch as unknown as NetworkWatch } as const
  const gateway = await startTestGateway(t, {}, options)
  await tunnel(gateway, `some.example:${echo.port}`)
  const before = resolver.asked
  for (const listener of listeners) listener()
  await tunnel(gateway, `some.example:${echo.port}`)
  t.ok(resolver.asked > before)
})

t.test('a script is asked for each client; other targets and clients are others’ business', { skip }, async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const resolver = countingResolver()
  const proxy = { embeddedPac: 'function FindProxyForURL() { return "DIRECT" }' }
  const scripted = await startTestGateway(t, { proxy }, { front: 'at-once', resolver })
  for (let count = 1; count <= 3; count += 1) {
    t.equal(await tunnel(scripted, `some.example:${echo.port}`), 200)
    t.ok(resolver.asked >= count)
  }
  const gateway = await startTestGateway(t, {}, { front: 'at-once', resolver })
  for (const name of ['a.example', 'b.example', 'c.example']) await tunnel(gateway, `${name}:${echo.port}`)
  t.ok(resolver.asked >= 6)
})

t.test('an address that no longer answers is refused by the door, and looked up anew', { skip }, async (t) => {
  const echo = await startEcho()
  const resolver = countingResolver()
  const gateway = await startTestGateway(t, {}, { front: 'at-once', resolver })
  const authority = `some.example:${echo.port}`
  t.equal(await tunnel(gateway, authority), 200)
  // A tunnel's line is written when it has ended, which may be after those of later ones that were refused.
  await gateway.flowCount(1)
  await echo.close()
  t.equal(await tunnel(gateway, authority), 502)
  t.equal(await tunnel(gateway, authority), 502)
  const lines = await gateway.flowCount(3)
  t.same(lines.map(({ ended, error }) => error?.code ?? ended).slice(1), ['CONNECT_REFUSED', 'CONNECT_REFUSED'])
  t.equal(gateway.gateway.status().liveFlows, 0)
})

t.test('who has refused the front is not asked again by the door, which has the words', { skip }, async (t) => {
  const port = await unusedPort()
  // Two addresses of which neither takes it: the front asks them in turn.
  const resolver: Resolver = {
    resolve: async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ],
  }
  const dialled = countDialled(t, port)
  const gateway = await startTestGateway(t, {}, { front: 'at-once', resolver })
  for (let count = 1; count <= 3; count += 1) {
    t.equal(await tunnel(gateway, `some.example:${port}`), 502)
    const { socket, reply } = await openSocks5(gateway.port, 'some.example', port)
    socket.destroy()
    t.equal(reply, 5)
  }
  const lines = await gateway.flowCount(6)
  for (const line of lines) {
    t.match(line, { decision: 'direct', ended: 'rejected', error: { code: 'CONNECT_REFUSED', hint: /running/ } })
    t.equal(
      line.error?.message,
      `some.example:${port} refused the connection (tried 127.0.0.1, 127.0.0.2)`,
      'as if the door had asked',
    )
    t.ok(line.decisionMs! >= 0 && line.durationMs! >= line.decisionMs!, 'times are in order')
  }
  t.ok(dialled() < 12, `${dialled()} of 12 asked again: none, but for those that a busy machine has given to the door`)
})

t.test('a script runs once for a client that its door serves', { skip }, async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const proxy = {
    embeddedPac: `function FindProxyForURL() { alert('run ' + Math.random()); return 'PROXY 127.0.0.1:1; DIRECT' }`,
  }
  const gateway = await startTestGateway(t, { proxy }, { front: 'at-once', resolver: countingResolver() })
  const runs: number[] = []
  for (let count = 1; count <= 4; count += 1) {
    const before = alerts(gateway)
    t.equal(await tunnel(gateway, `some.example:${echo.port}`), 200)
    await gateway.flowCount(count)
    runs.push(alerts(gateway) - before)
  }
  // What was decided is kept for a second, in which a busy machine may stand still.
  t.ok(runs.filter((run) => run === 1).length >= 3, `${runs}: once for each, but for one whom the door got too late`)
})

function alerts({ lines }: TestGateway): number {
  return lines.filter((line) => line.msg !== 'flow' && JSON.stringify(line).includes('run 0.')).length
}

/** How many sockets of this process’s own have been refused by a port. The front’s are bare descriptors, and none of those. */
function countDialled(t: Test, port: number): () => number {
  let count = 0
  const watch = (message: unknown) => {
    const { socket } = message as { readonly socket: Socket }
    socket.on('error', (error: NodeJS.ErrnoException & { readonly port?: number }) => {
      if (error.port === port) count += 1
    })
  }
  subscribe('net.client.socket', watch)
  t.teardown(() => unsubscribe('net.client.socket', watch))
  return () => count
}
