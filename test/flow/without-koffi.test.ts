import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openConnect, readAtLeast } from '../fixtures/clients.ts'
import { startGatewayProcess } from '../fixtures/gateway-process.ts'
import { associate, udpEcho } from '../fixtures/udp.ts'

// koffi has nothing for every processor, and Linux's calls are nowhere else: the gateway serves all the same, by what Node has.

t.setTimeout(180_000)

const WITHOUT = ['--require', fileURLToPath(new URL('../fixtures/without-koffi.cjs', import.meta.url))]
/** Beyond what the relay of the kernel waits for. */
const BYTES = 4 * 1024 * 1024

t.test('tunnels and datagrams pass', async (t) => {
  const server = createServer((socket) => void socket.end(Buffer.alloc(BYTES, 'x')))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as { port: number }
  const gateway = await startGatewayProcess(
    t,
    () => ({ listen: { mixed: '127.0.0.1:0' }, status: { listen: 'off' } }),
    WITHOUT,
  )
  const [door = 0] = gateway.ports
  const { socket, status } = await openConnect(door, `127.0.0.1:${port}`)
  t.equal(status, 200)
  t.equal((await readAtLeast(socket, BYTES)).length, BYTES)
  socket.destroy()

  const echo = await udpEcho(t)
  const associated = await associate(t, { port: door })
  if (typeof associated === 'number') return void t.fail(`reply ${associated}`)
  associated.send('hello', echo.host, echo.port)
  t.equal((await associated.next()).data, 'hello')
  associated.control.destroy()
  t.equal(await gateway.stop(), 0)
  t.same(gateway.strayOutput, [])
})

t.test('capture needs it, and says so', { skip: process.platform !== 'linux' && 'Linux alone' }, async (t) => {
  const started = startGatewayProcess(
    t,
    () => ({ listen: { mixed: '127.0.0.1:0' }, status: { listen: 'off' }, capture: { enabled: true } }),
    WITHOUT,
  )
  await t.rejects(started, { message: /system calls cannot be made: .*koffi/ })
})
