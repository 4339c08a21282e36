import t from 'tap'
import { openConnect } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { startEcho } from '../fixtures/upstreams/origins.ts'

t.test('two doors at port 0 are two doors, each with its own rules, also after a reload', async (t) => {
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const guarded = { address: '127.0.0.1:0', auth: { users: { alice: 'correct' } } }
  const settings = { listen: { mixed: [guarded, '127.0.0.1:0'] }, status: { listen: 'off' } }
  const { gateway, reload } = await startTestGateway(t, settings)
  const ports = () => gateway.addresses.map((address) => (address.kind === 'tcp' ? address.port : 0))
  const statuses = async () => {
    const tunnels = await Promise.all(ports().map((port) => openConnect(port, `127.0.0.1:${echo.port}`)))
    for (const { socket } of tunnels) socket.destroy()
    return tunnels.map(({ status }) => status)
  }
  const before = ports()
  t.equal(new Set(before).size, 2)
  t.same(await statuses(), [407, 200])
  await reload(settings)
  t.same(ports(), before, 'the same sockets')
  t.same(await statuses(), [407, 200])
})
