import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Settings } from '../../src/settings/settings.ts'
import { openConnect, openSocks5, readAtLeast } from '../fixtures/clients.ts'
import { everythingIsLoopback, startTestGateway, type TestGateway } from '../fixtures/gateway.ts'
import { startEcho } from '../fixtures/upstreams/origins.ts'

const RELOADS = 1_000
const PAC_EVERY = 100
/** Milliseconds for the whole file; a busy machine takes a minute. */
t.setTimeout(550_000)

/** Sends a few bytes and waits for them to come back. */
async function echoed(socket: Socket, text: string): Promise<boolean> {
  socket.write(text)
  return (await readAtLeast(socket, text.length)).toString() === text
}

function getOnce(agent: Agent, port: number, url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { agent, host: '127.0.0.1', port, path: url, headers: { host: new URL(url).host } },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => resolve(`${response.statusCode} ${body}`))
        response.on('error', reject)
      },
    )
    asked.on('error', reject).end()
  })
}

async function startOrigin(t: Test): Promise<number> {
  const origin = createServer((_, response) => response.end('hello'))
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  t.teardown(() => origin.closeAllConnections())
  return (origin.address() as AddressInfo).port
}

async function loadAll(gateway: TestGateway, variants: readonly object[]): Promise<Settings[]> {
  const loaded: Settings[] = []
  for (const variant of variants) loaded.push(await gateway.settings(variant))
  return loaded
}

t.test(`${RELOADS} reloads under continuous traffic lose no flow`, async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const origin = await startOrigin(t)
  const upstream = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const inner = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const gateway = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const through = (scheme: string) => `${scheme}://127.0.0.1:${upstream.port}`
  const variants: object[] = [
    {},
    { proxy: { http: through('http'), https: through('http') } },
    { proxy: { http: through('socks5'), https: through('socks4a'), exclude: '*.direct.example' } },
    {
      proxy: { https: [through('http'), `socks5://127.0.0.1:${inner.port}`], http: through('http') },
      timeouts: { idle: '20m', clientHead: '19s' },
    },
  ]

  // A script of its own each time: a new virtual machine takes a while, so only every PAC_EVERY-th reload has one.
  const pac = (index: number) => ({
    proxy: {
      embeddedPac: `function FindProxyForURL() { return "PROXY 127.0.0.1:${upstream.port}; DIRECT" } // ${index}`,
    },
  })

  let running = true
  let served = 0
  const failures: string[] = []
  const traffic = async (name: string, once: () => Promise<boolean>) => {
    while (running) {
      const fine = await once().catch((error: Error) => {
        failures.push(`${name}: ${error.message}`)
        return true
      })
      if (!fine) failures.push(`${name}: wrong answer`)
      served += 1
    }
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 2 })
  t.teardown(() => agent.destroy())

  // One tunnel that stands through all of it.
  const standing = await openConnect(gateway.port, `standing.example:${echo.port}`)
  let exchanged = 0
  const loops = [
    traffic('standing tunnel', async () => echoed(standing.socket, `message ${exchanged++};`)),
    traffic('CONNECT', async () => {
      const { socket, status } = await openConnect(gateway.port, `connect.example:${echo.port}`)
      const fine = status === 200 && (await echoed(socket, 'hello'))
      socket.destroy()
      return fine
    }),
    traffic('SOCKS5', async () => {
      const { socket, reply } = await openSocks5(gateway.port, 'socks.direct.example', echo.port)
      const fine = reply === 0 && (await echoed(socket, 'hello'))
      socket.destroy()
      return fine
    }),
    traffic(
      'plain HTTP',
      async () => (await getOnce(agent, gateway.port, `http://plain.example:${origin}/`)) === '200 hello',
    ),
  ]

  // Read once: what is shown here is what a reload does to traffic, and not how fast a file is read.
  const loaded = await loadAll(gateway, variants)
  for (let index = 0; index < RELOADS; index++) {
    const settings = index % PAC_EVERY === 0 ? await gateway.settings(pac(index)) : loaded[index % loaded.length]!
    await gateway.gateway.reload(settings)
  }
  running = false
  await Promise.all(loops)
  standing.socket.destroy()

  t.same(failures, [])
  t.equal(gateway.gateway.status().generation, RELOADS + 1)
  t.ok(served > 100, `${served} flows were served meanwhile`)
  t.ok(exchanged > 10, `${exchanged} messages through the tunnel that stood`)
  t.comment(`${served} flows, ${exchanged} messages on the standing tunnel`)
})

t.test('settings that cannot be put in force change nothing', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const gateway = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const taken = { listen: { mixed: ['127.0.0.1:0', `127.0.0.1:${echo.port}`] }, proxy: { mode: 'manual' } }
  await t.rejects(gateway.reload(taken), /another program is listening there/)
  t.equal(gateway.gateway.status().generation, 1)
  const { socket, status } = await openConnect(gateway.port, `still.example:${echo.port}`)
  t.equal(status, 200, 'the running settings serve on')
  socket.destroy()
})

t.test('doors come and go with the settings, and a door that stays keeps its clients', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const gateway = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const { socket } = await openConnect(gateway.port, `kept.example:${echo.port}`)
  await gateway.reload({ listen: { mixed: ['127.0.0.1:0', '127.0.0.1:0'] } })
  t.equal(gateway.gateway.addresses.length, 2)
  const second = gateway.gateway.addresses[1]
  t.ok(await echoed(socket, 'still here'))
  t.equal(gateway.gateway.addresses[0]?.kind === 'tcp' && gateway.gateway.addresses[0].port, gateway.port)
  await gateway.reload({ listen: { mixed: '127.0.0.1:0', auth: { users: { alice: 'wonder' } } } })
  t.equal(gateway.gateway.addresses.length, 1)
  t.ok(await echoed(socket, 'and still'))
  t.equal((await openConnect(gateway.port, `now.example:${echo.port}`)).status, 407, 'new clients meet the new rules')
  t.equal(
    second?.kind === 'tcp' && (await openConnect(second.port, 'gone.example:1').catch(() => 'refused')),
    'refused',
  )
  socket.destroy()
})

t.test('limits that have changed hold for the clients to come', async (t) => {
  const gateway = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const head = { 'x-large': 'x'.repeat(8_000) }
  t.equal((await openConnect(gateway.port, '127.0.0.1:1', head)).status, 502)
  await gateway.reload({ limits: { requestHead: '4KiB' } })
  t.equal((await openConnect(gateway.port, '127.0.0.1:1', head)).status, 431)
})

t.test('responseHead: off is no limit, and not a limit of nothing', async (t) => {
  const origin = await startOrigin(t)
  const gateway = await startTestGateway(t, { timeouts: { responseHead: 'off' } }, { resolver: everythingIsLoopback })
  const agent = new Agent()
  t.equal(await getOnce(agent, gateway.port, `http://plain.example:${origin}/`), '200 hello')
})

t.test('closing ends the clients of a door that a reload has taken away', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const gateway = await startTestGateway(t, {}, { resolver: everythingIsLoopback })
  const { socket } = await openConnect(gateway.port, `kept.example:${echo.port}`)
  await gateway.reload({ listen: { mixed: '127.0.0.2:0' } })
  t.ok(await echoed(socket, 'still here'))
  t.equal(gateway.gateway.status().clientConnections, 1)
  const broken = new Promise((resolve) => socket.once('error', resolve).resume())
  await gateway.gateway.close()
  t.match(await broken, { code: 'ECONNRESET' }, 'it was not over')
  t.equal(gateway.gateway.status().clientConnections, 0)
})
