import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Settings } from '../../src/settings/settings.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { unusedPort } from '../fixtures/upstreams/listen.ts'

const SHUTTING_DOWN = { code: 'SHUTTING_DOWN', message: 'the gateway is shutting down' }

/** Takes a connection and says nothing. */
async function silentServer(t: Test): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => void t.teardown(() => void socket.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { server, port: (server.address() as { port: number }).port }
}

async function socketPath(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'door.sock')
}

async function opensAt(path: string): Promise<boolean> {
  const socket = connect(path)
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return opened
}

/** Does something when the reload comes to open the doors to containers, behind those of the clients and before those of DNS. */
function meanwhile(settings: Settings, act: () => void): Settings {
  let acted = false
  return Object.defineProperty({ ...settings }, 'reverse', {
    get() {
      if (!acted) act()
      acted = true
      return settings.reverse
    },
  })
}

for (const how of ['drain', 'close'] as const) {
  t.test(`settings whose script is waited for as the gateway ends are not put in force: ${how}`, async (t) => {
    const pac = await silentServer(t)
    const path = await socketPath(t)
    const gateway = await startTestGateway(t)
    const asked = once(pac.server, 'connection')
    const reloaded = gateway.reload({
      listen: { mixed: ['127.0.0.1:0', `unix:${path}`] },
      dns: { listen: `127.0.0.1:${await unusedPort()}` },
      dnsInhibition: 'none',
      proxy: { pac: `http://127.0.0.1:${pac.port}/proxy.pac` },
    })
    const refused = t.rejects(reloaded, SHUTTING_DOWN)
    const [socket] = (await asked) as [Socket]
    const given = once(socket.resume(), 'close')
    await (how === 'drain' ? gateway.gateway.drain(10_000) : gateway.gateway.close())
    await refused
    await given
    t.match(gateway.gateway.status(), { generation: 1, dns: undefined })
    t.notOk(await opensAt(path))
  })

  t.test(`nor those that are just being put in force, and what they had opened is closed: ${how}`, async (t) => {
    const path = await socketPath(t)
    const { gateway, settings } = await startTestGateway(t)
    const wanted = {
      listen: { mixed: ['127.0.0.1:0', `unix:${path}`] },
      dns: { listen: `127.0.0.1:${await unusedPort()}` },
      dnsInhibition: 'none',
    }
    let ended: Promise<unknown> | undefined
    const reloaded = gateway.reload(
      meanwhile(await settings(wanted), () => {
        ended = how === 'drain' ? gateway.drain(10_000) : gateway.close()
      }),
    )
    await t.rejects(reloaded, SHUTTING_DOWN)
    await ended
    t.match(gateway.status(), { generation: 1, dns: undefined })
    t.notOk(await opensAt(path))
    await t.rejects(gateway.reload(await settings({})), SHUTTING_DOWN, 'and none after it')
  })
}
