import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openConnect } from '../fixtures/clients.ts'
import { startTestGateway } from '../fixtures/gateway.ts'
import { loopbackCertificate } from '../fixtures/test-authority.ts'
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

t.test('who makes the port of a door another door by a reload is told that the gateway itself is there', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-test-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const pem = await loopbackCertificate()
  const [cert, key] = [join(folder, 'c.pem'), join(folder, 'k.pem')]
  await Promise.all([writeFile(cert, pem.cert), writeFile(key, pem.key)])
  const { gateway, port, reload } = await startTestGateway(t)
  const address = `127.0.0.1:${port}`

  const itself = `the gateway’s own door mixed ${address} listens there`
  const inside = { mixed: [], tls: { address, cert, key } }
  await t.rejects(reload({ listen: inside }), {
    message: `cannot listen on ${address}: ${itself} until the gateway is restarted`,
    hint: /^Restart the gateway/,
  })
  if (process.platform === 'linux') {
    const wide = { address: `0.0.0.0:${port}`, from: '127.0.0.0/8' }
    await t.rejects(reload({ listen: { mixed: wide } }), {
      message: `cannot listen on 0.0.0.0:${port}: ${itself} until the gateway is restarted`,
    })
    await t.rejects(reload({ listen: { mixed: ['127.0.0.1:0', wide] } }), {
      message: `cannot listen on 0.0.0.0:${port}: ${itself}`,
      hint: /^Leave out one/,
    })
  }
  t.same(gateway.status().doors, [`mixed ${address}`], 'what runs stays')
})
