import { once } from 'node:events'
import { createServer, get, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fakeEngine } from '../fixtures/fake-engine.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { until } from '../fixtures/until.ts'

/** Says hello; answers its URL. */
async function startOrigin(t: Test): Promise<string> {
  const origin = createServer((_request, response) => response.end('hello')).listen(0, '127.0.0.1')
  await once(origin, 'listening')
  t.teardown(() => origin.close())
  return `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`
}

/** The status of what is asked for by a door, over a connection of its own. */
async function askBy(port: number, url: string): Promise<number | undefined> {
  const { host } = new URL(url)
  const [response] = await once(
    get({ host: '127.0.0.1', port, path: url, headers: { host }, agent: false }),
    'response',
  )
  response.resume()
  await once(response, 'end')
  return response.statusCode
}

t.test('the flow log and the status say which container a client is', async (t) => {
  const url = await startOrigin(t)
  const engine = await fakeEngine(t)
  const labels = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' }
  // The test itself plays the container: its connections come from this address.
  const networks = { shop_default: { ip: '127.0.0.1' } }
  engine.containers = [{ name: 'shop_web_1', image: 'nginx:alpine', labels, networks }]
  await engine.start()
  const settings = { engine: { socket: `unix://${engine.path}` } }
  const { gateway, port, flowCount, lines, reload } = await startTestGateway(t, settings)
  await until('the engine', () => gateway.containers.connected)
  t.match(gateway.status().engine, { connected: true, version: '20.10.24', containers: 1 })
  t.ok(lines.some(({ msg }) => msg === 'following the Docker engine'))

  const ask = async () => t.equal(await askBy(port, url), 200)
  await ask()
  const expected = { name: 'shop_web_1', image: 'nginx:alpine', project: 'shop', service: 'web' }
  t.strictSame((await flowCount(1))[0]?.container, expected)

  await engine.stop()
  await until('the loss', () => !gateway.containers.connected)
  t.match(gateway.status().engine, { connected: false, reason: /no such socket|nobody|ended|ECONN/, containers: 1 })
  await ask()
  t.strictSame((await flowCount(2))[1]?.container, expected, 'what was known last still holds')

  await reload({})
  t.equal(gateway.status().engine, undefined)
  await ask()
  t.equal((await flowCount(3))[2]?.container, undefined)
})

t.test('rules for containers do not open while the engine is away', async (t) => {
  const url = await startOrigin(t)
  const engine = await fakeEngine(t)
  engine.networks = [{ name: 'apps', subnets: ['127.0.0.0/8'] }]
  engine.containers = [{ name: 'good', networks: { apps: { ip: '127.0.0.1' } } }]
  await engine.start()
  const settings = {
    engine: { socket: `unix://${engine.path}` },
    containerRules: [{ match: { container: 'bad*' }, use: 'reject' }],
  }
  const { gateway, port, flowCount, lines } = await startTestGateway(t, settings)
  await until('the engine', () => gateway.containers.connected)
  const ask = () => askBy(port, url)
  t.equal(await ask(), 200)
  engine.containers = []
  engine.emit()
  await until('its end', () => gateway.containers.view().containers.length === 0)
  await engine.stop()
  await until('the loss', () => !gateway.containers.connected)
  t.ok(lines.some(({ msg }) => /away.*containerRules/.test(String(msg))))
  t.equal(await ask(), 403, 'who has the address now, nobody can tell')
  t.match((await flowCount(2))[1], { decision: 'reject', because: { detail: /may mean 127\.0\.0\.1/ } })
  engine.containers = [{ name: 'good', networks: { apps: { ip: '127.0.0.1' } } }]
  await engine.start()
  await until('the engine again', () => gateway.containers.connected)
  t.equal(await ask(), 200)
})

t.test('rules for containers do not open when a reload names another engine', async (t) => {
  const url = await startOrigin(t)
  const engine = await fakeEngine(t)
  engine.networks = [{ name: 'apps', subnets: ['127.0.0.0/8'] }]
  engine.containers = [{ name: 'bad', networks: { apps: { ip: '127.0.0.1' } } }]
  await engine.start()
  const rules = [{ match: { container: 'bad*' }, use: 'reject' }]
  const settings = { engine: { socket: `unix://${engine.path}` }, containerRules: rules }
  const { gateway, port, reload } = await startTestGateway(t, settings)
  const ask = () => askBy(port, url)
  await until('the engine', () => gateway.containers.connected)
  t.equal(await ask(), 403)
  await reload({ ...settings, engine: { socket: `unix://${engine.path}-mistyped` } })
  t.equal(await ask(), 403)
  await reload({})
  t.equal(await ask(), 200, 'without an engine nobody is a container')
})

t.test('rules for containers hold from the first flow on, however slow the engine is', async (t) => {
  const url = await startOrigin(t)
  const engine = await fakeEngine(t)
  engine.networks = [{ name: 'apps', subnets: ['127.0.0.0/8'] }]
  engine.containers = [{ name: 'bad', networks: { apps: { ip: '127.0.0.1' } } }]
  let asked: ServerResponse | undefined
  engine.intercept = (path, response) => {
    if (path !== '/version' || asked) return false
    asked = response
    return true
  }
  await engine.start()
  const settings = {
    engine: { socket: `unix://${engine.path}` },
    containerRules: [{ match: { container: 'bad*' }, use: 'reject' }],
  }
  const starting = startTestGateway(t, settings)
  await until('the first question', () => asked !== undefined)
  const first = await Promise.race([starting.then(() => 'the doors'), delay(500, 'the engine')])
  t.equal(first, 'the engine')
  asked!.end(JSON.stringify(engine.versions))
  const { port } = await starting
  t.equal(await askBy(port, url), 403)
})
