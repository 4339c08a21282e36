import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import type { NetworkWatch } from '../../src/contracts/network-watch.ts'
import type { Resolver } from '../../src/contracts/resolver.ts'
import { getThrough } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'
import { unusedPort } from '../fixtures/upstreams/listen.ts'

/** A network that changes when the test says so. */
function fakeNetwork(): NetworkWatch & { change(): void; readonly listeners: number } {
  const listeners = new Set<() => void>()
  return {
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: () => listeners.clear(),
    change() {
      for (const listener of listeners) listener()
    },
    get listeners() {
      return listeners.size
    },
  }
}

t.test('another network: names, failures and idle connections of the old one are forgotten', async (t) => {
  const sockets = new Set<Socket>()
  const origin = createServer((_, response) => response.end('hello'))
  origin.on('connection', (socket) => sockets.add(socket))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  const { port } = origin.address() as AddressInfo
  t.teardown(() => origin.close())
  // In the old network the name is not an address of the company's, in the new one it is.
  let inside = false
  const resolver: Resolver & { forgotten: number } = {
    forgotten: 0,
    resolve: async (name) => [{ address: name === 'inside.test' && !inside ? '192.0.2.1' : '127.0.0.1', family: 4 }],
    forget() {
      this.forgotten++
    },
  }
  const network = fakeNetwork()
  const dead = await unusedPort()
  const {
    port: door,
    flowCount,
    gateway,
  } = await startTestGateway(
    t,
    {
      proxy: {
        embeddedPac: `function FindProxyForURL(url, host) {
          if (isInNet(dnsResolve("inside.test"), "127.0.0.0", "255.0.0.0")) return "DIRECT"
          return "PROXY 127.0.0.1:${dead}; DIRECT" }`,
      },
    },
    { resolver, networkWatch: network },
  )
  const get = async () => (await getThrough(door, `http://origin.test:${port}/`)).body
  /** Of the flow with that number: decided how, and how many ways failed. */
  const flow = async (number: number) => {
    const line = (await flowCount(number))[number - 1]
    return [line?.decision, line?.failedAttempts?.length ?? 0]
  }

  t.equal(await get(), 'hello')
  t.same(await flow(1), ['proxy', 1], 'the proxy is dead')
  t.equal(await get(), 'hello')
  t.same(await flow(2), ['proxy', 0], 'which is remembered')
  const dying = { route: `http://127.0.0.1:${dead}`, code: 'CONNECT_REFUSED', forMs: Number }
  t.match((await flowCount(2))[1]?.passedOver, [dying], 'and told')
  t.match(gateway.status().passedOver, [dying])
  t.equal(sockets.size, 1, 'and the connection is used again')

  network.change()
  t.equal(resolver.forgotten, 1)
  t.same(gateway.status().passedOver, [])
  await until('the idle connection to end', () => [...sockets].every(({ destroyed }) => destroyed))
  t.equal(await get(), 'hello')
  t.same(await flow(3), ['proxy', 1], 'tried in its turn')

  inside = true
  t.equal(await get(), 'hello')
  t.same(await flow(4), ['proxy', 0], 'the name is remembered')
  network.change()
  t.equal(await get(), 'hello')
  t.same(await flow(5), ['direct', 0], 'and forgotten with the network')
})

t.test('a gateway that ends watches no longer', async (t) => {
  const network = fakeNetwork()
  const { gateway } = await startTestGateway(t, {}, { networkWatch: network })
  t.ok(network.listeners >= 1, 'it watched')
  await gateway.close()
  t.equal(network.listeners, 0)
})
