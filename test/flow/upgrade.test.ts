import { existsSync, rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { askStatus } from '../../src/gateway/ask-status.ts'
import type { GatewayStatus } from '../../src/gateway/gateway-status.ts'
import type { ListenAddress } from '../../src/wire/listen-address.ts'
import { openSocks5 } from '../fixtures/clients.ts'
import { dnsQuery, seen } from '../fixtures/dns-messages.ts'
import { everythingIsLoopback, startTestGateway, type TestGateway } from '../fixtures/gateway.ts'
import { udpPeer } from '../fixtures/udp.ts'
import { until } from '../fixtures/until.ts'
import { listen, unusedPort } from '../fixtures/upstreams/listen.ts'

/** Milliseconds: longer than any test. What drains here ends with its last flow. */
const DRAIN_MS = 600_000

async function folderFor(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const unix = (path: string) => ({ kind: 'unix', path, mode: 0o600 }) as const
const tcp = (port: number): ListenAddress => ({ kind: 'tcp', host: '127.0.0.1', port })

const statusAt = async (address: ListenAddress) => JSON.parse(await askStatus(address)) as GatewayStatus

/** With a tunnel that stands until `end` is called. */
async function draining(t: Test, { gateway, port }: TestGateway) {
  const server = await listen((socket) => void socket.resume())
  t.teardown(() => server.close())
  const { socket } = await openSocks5(port, '127.0.0.1', server.port)
  await until('the tunnel', () => gateway.status().liveFlows === 1)
  const drained = gateway.drain(DRAIN_MS)
  return {
    end: async () => {
      socket.resetAndDestroy()
      t.equal(await drained, 0)
    },
  }
}

async function answered(t: Test, port: number): Promise<readonly string[] | undefined> {
  const client = await udpPeer(t)
  client.send(dnsQuery('some.test', 'A'), { host: '127.0.0.1', port })
  return seen((await client.next()).data)?.answers
}

const said = ({ lines }: TestGateway, part: string) => lines.filter(({ msg }) => msg.includes(part)).length

const places: readonly [what: string, at: (folder: string) => Promise<ListenAddress>][] = [
  ['a socket file', async (folder) => unix(join(folder, 'status.sock'))],
  ['a port', async () => tcp(await unusedPort())],
]
for (const [what, at] of places) {
  t.test(`a gateway that starts while another drains waits for what that still has: status at ${what}`, async (t) => {
    const address = await at(await folderFor(t))
    const dnsPort = await unusedPort()
    const settings = {
      dns: { listen: `127.0.0.1:${dnsPort}` },
      dnsInhibition: 'none',
      status: { listen: address.kind === 'unix' ? `unix:${address.path}` : `127.0.0.1:${address.port}` },
    }
    const first = await startTestGateway(t, settings, { resolver: everythingIsLoopback })
    t.match(await statusAt(address), { draining: false })
    const { end } = await draining(t, first)
    const second = await startTestGateway(t, settings, { resolver: everythingIsLoopback })
    t.match(second.gateway.status().doors, [/^mixed /, /^dns .*waits for the address/])
    t.equal(said(second, 'dns.listen: a gateway that drains (pid'), 1)
    t.equal(said(second, '`fairlead status` does not find this gateway'), 1)
    t.match(await statusAt(address), { draining: true, doors: first.gateway.doors }, 'it still tells of the first')
    t.same(await answered(t, dnsPort), ['A 127.0.0.1'], 'and that still answers')
    await end()
    await until('DNS', () => said(second, `DNS is answered on 127.0.0.1:${dnsPort} now`) === 1)
    await until('its status', () => said(second, '`fairlead status` finds this gateway') === 1)
    t.same(await answered(t, dnsPort), ['A 127.0.0.1'])
    t.match(await statusAt(address), { draining: false, doors: second.gateway.doors })
    t.match(second.gateway.adminAddresses, { length: 1 })
    t.equal(said(second, 'another program'), 0, 'who has had it was said')
  })
}

t.test('the socket of `auto` is waited for, whoever has it', async (t) => {
  const folder = await folderFor(t)
  const env = { XDG_RUNTIME_DIR: folder }
  const address = unix(join(folder, 'fairlead', 'status.sock'))
  const first = await startTestGateway(t, { status: { listen: 'auto' } }, { env })
  const second = await startTestGateway(t, { status: { listen: 'auto' } }, { env })
  t.equal(said(second, '`fairlead status` does not find this gateway'), 1)
  t.match(await statusAt(address), { doors: first.gateway.doors })
  await first.gateway.close()
  await until('its status', () => said(second, '`fairlead status` finds this gateway') === 1)
  t.match(await statusAt(address), { doors: second.gateway.doors })
})

t.test('one that ends before the other leaves nothing behind that would still wait', async (t) => {
  const folder = await folderFor(t)
  const address = unix(join(folder, 'status.sock'))
  const settings = { status: { listen: `unix:${address.path}` } }
  const first = await startTestGateway(t, settings)
  const { end } = await draining(t, first)
  const second = await startTestGateway(t, settings)
  const ending = await draining(t, second)
  const third = await startTestGateway(t, settings)
  await end()
  await until('its status', () => said(third, '`fairlead status` finds this gateway') === 1)
  t.match(await statusAt(address), { doors: third.gateway.doors }, 'not the one that drains')
  await ending.end()
  t.match(await statusAt(address), { doors: third.gateway.doors })
})

t.test('a socket file that is another gateway’s by now outlives the first', async (t) => {
  const address = unix(join(await folderFor(t), 'status.sock'))
  const settings = { status: { listen: `unix:${address.path}` } }
  const first = await startTestGateway(t, settings)
  rmSync(address.path)
  const second = await startTestGateway(t, settings)
  await first.gateway.close()
  t.match(await statusAt(address), { doors: second.gateway.doors })
  await second.gateway.close()
  t.notOk(existsSync(address.path))
})

t.test('another program that has an address stands in the way of a start', async (t) => {
  const program = createServer((socket) => void socket.end())
  await new Promise<void>((resolve) => program.listen(0, '127.0.0.1', resolve))
  t.teardown(() => program.close())
  const { port } = program.address() as { port: number }
  await t.rejects(startTestGateway(t, { dns: { listen: `127.0.0.1:${port}` }, dnsInhibition: 'none' }), {
    message: /another program is listening/,
    hint: /`dns\.listen`.*still drains/,
  })
  await t.rejects(startTestGateway(t, { status: { listen: `127.0.0.1:${port}` } }), {
    message: /another program is listening/,
    hint: /`status\.listen`.*still drains/,
  })
})

t.test('so does a gateway that does not drain', async (t) => {
  const settings = {
    status: { listen: `unix:${join(await folderFor(t), 'status.sock')}` },
    dns: { listen: `127.0.0.1:${await unusedPort()}` },
    dnsInhibition: 'none',
  }
  await startTestGateway(t, settings)
  await t.rejects(startTestGateway(t, settings), /cannot answer DNS .*another program is listening/)
  await t.rejects(startTestGateway(t, { status: settings.status }), {
    message: /another program is listening/,
    hint: /`status\.listen`/,
  })
})
