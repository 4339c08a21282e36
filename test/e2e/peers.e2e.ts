import { randomBytes } from 'node:crypto'
import t from 'tap'
import { openTunnel, readAll, readLine } from './harness/clients/tunnel.ts'
import { LATE_BYTES } from './harness/origins/made-up-bytes.ts'
import { startOrigins } from './harness/origins/origins.ts'
import { tunnelKind, UPSTREAMS } from './harness/peers/upstreams.ts'
import { joinScenario } from './harness/scenario.ts'

// The upstream programs by themselves, with no Fairlead in between (but for the rows that are Fairlead): what the other files expect of
// Fairlead is what these programs are seen to do here.

const scenario = await joinScenario(t)
const origins = await startOrigins(scenario)

/** More than the buffers on the way hold. */
const REST_BYTES = 512 * 1024

for (const upstream of UPSTREAMS) {
  await t.test(upstream.title, async (t) => {
    const peer = await upstream.start(scenario)
    const proxy = {
      host: peer.address,
      port: peer.port,
      ...(peer.user ? { user: peer.user } : {}),
      ...(upstream.kind === 'https' ? { tls: { ca: scenario.ca.pem, servername: peer.name } } : {}),
    }
    const host = upstream.kind === 'socks4' ? origins.address : origins.name
    const tunnel = (port: number) => openTunnel(tunnelKind(upstream.kind), proxy, host, port)

    await t.test('what the server says first arrives', async (t) => {
      const socket = await tunnel(origins.ports.banner)
      const line = await readLine(socket)
      socket.destroy()
      t.match(line, /^220 origin speaks first/)
      if (!upstream.anyAddress) t.match(line, `first to ${peer.address}`, 'it leaves from its own address')
    })

    if (upstream.keepsHalfClose) {
      await t.test('what the server says after the client has ended arrives', async (t) => {
        const socket = await tunnel(origins.ports.late)
        socket.end('a question')
        const answer = await readAll(socket)
        t.equal(answer.length - answer.indexOf('\n') - 1, LATE_BYTES)
      })
      await t.test('what the client says after the server has ended arrives', async () => {
        const socket = await tunnel(origins.ports.farewell)
        await readAll(socket)
        const rest = randomBytes(REST_BYTES)
        socket.end(rest)
        await origins.heard(rest)
      })
    }

    if (upstream.asksPassword) {
      await t.test('it refuses who has no password', async (t) => {
        const { user: _, ...nobody } = proxy
        await t.rejects(openTunnel(tunnelKind(upstream.kind), nobody, host, origins.ports.banner))
      })
    }
    await peer.running.stop()
  })
}
