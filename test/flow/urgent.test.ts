import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { hasLibc } from '../../src/system/linux/libc.ts'
import { read, rest, sendUrgent, write } from '../contract/far-ends.ts'
import { startTestGateway, type TestGateway } from '../fixtures/gateway.ts'

// Urgent bytes through whole gateways, by each way that a connection comes to be: accepted and dialled by Node or by the front, moved by either or by the
// threads of the relay. What becomes of them in all positions is in the contract of tunnels.

/** Beyond what Node moves before the kernel does. */
const MUCH = 1024 * 1024
const NAMED = 'Proxy-Authorization: Basic dTpw\r\n'

if (!hasLibc) t.plan(0, 'urgent bytes are sent by the calls of Linux')
else {
  t.test('a door that Node serves', async (t) => {
    const gateway = await startTestGateway(t, { listen: { mixed: '127.0.0.1:0', auth: { users: { u: 'p' } } } })
    await everyWay(t, gateway, NAMED)
  })
  t.test('a door that the front serves', async (t) => {
    await everyWay(t, await startTestGateway(t, {}, { front: 'at-once' }))
  })
  t.test('through another gateway', async (t) => {
    const upstream = await startTestGateway(t)
    for (const proxy of ['http', 'socks5']) {
      const gateway = await startTestGateway(t, {
        proxy: { https: `${proxy}://127.0.0.1:${upstream.port}`, exclude: '' },
      })
      await everyWay(t, gateway)
    }
  })
}

async function everyWay(t: Test, gateway: TestGateway, headers = ''): Promise<void> {
  for (const size of [3, MUCH]) {
    for (const way of ['up', 'down']) {
      const { client, origin } = await tunnel(t, gateway, headers)
      const [speaker, listener] = way === 'up' ? [client, origin] : [origin, client]
      const heard = rest(listener)
      await write(speaker, Buffer.alloc(size, 'a'))
      await sendUrgent(speaker)
      speaker.end('behind')
      t.equal((await heard).slice(size), '!behind', `${size} bytes ${way}`)
    }
  }
  const early = await tunnel(t, gateway, headers, async (client) => {
    await write(client, Buffer.from('at once'))
    await sendUrgent(client)
    client.end('behind')
  })
  t.equal(await rest(early.origin), 'at once!behind', 'what is said right behind the request')
}

/** `meanwhile`: what the client says before it is answered. */
async function tunnel(
  t: Test,
  gateway: TestGateway,
  headers: string,
  meanwhile = async (_client: Socket): Promise<void> => {},
): Promise<{ readonly client: Socket; readonly origin: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
  client.on('error', () => {})
  await once(client, 'connect')
  const came = once(server, 'connection')
  await write(client, Buffer.from(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${headers}\r\n`))
  await meanwhile(client)
  const [origin] = (await came) as [Socket]
  origin.on('error', () => {})
  t.teardown(() => {
    for (const socket of [client, origin]) socket.destroy()
  })
  let head = ''
  while (!head.endsWith('\r\n\r\n')) head += await read(client, 1)
  t.match(head, / 200 /)
  return { client, origin }
}
