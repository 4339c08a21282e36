import { readdirSync } from 'node:fs'
import t from 'tap'
import { openConnect } from '../../fixtures/clients.ts'
import { startTestGateway } from '../../fixtures/gateway.ts'
import { startEcho } from '../../fixtures/upstreams/origins.ts'

const skip = process.platform !== 'linux' && 'the front is for Linux'

t.test('sockets that pace are made not to, others are left as they are', { skip }, async (t) => {
  const { LoopbackPacing } = await import('../../../src/front/loopback-pacing.ts')
  const { congestionControl } = await import('../../../src/system/linux/congestion-control.ts')
  const { fresh, close } = await sockets()
  const [first, second, third] = [fresh(), fresh(), fresh()]
  t.teardown(() => [first, second, third].forEach(close))
  const before = congestionControl(third)
  t.match(before, /^\w+$/)
  let asked = 0
  const pacing = new LoopbackPacing(() => {
    asked += 1
    return true
  })
  pacing.lift(first)
  pacing.lift(second)
  new LoopbackPacing(() => false).lift(third)
  t.same([first, second, third].map(congestionControl), ['reno', 'reno', before])
  t.equal(asked, 1, 'the first socket tells for all')
})

t.test('both connections of a tunnel of the front, where the host paces', { skip }, async (t) => {
  const { congestionControl } = await import('../../../src/system/linux/congestion-control.ts')
  const { fresh, close, portsOf } = await sockets()
  const untouched = fresh()
  const byDefault = congestionControl(untouched)
  close(untouched)
  const expected = byDefault.startsWith('bbr') ? 'reno' : byDefault
  const echo = await startEcho()
  t.teardown(() => echo.close())
  const gateway = await startTestGateway(t, {}, { front: 'at-once' })
  const { socket } = await openConnect(gateway.port, `127.0.0.1:${echo.port}`)
  t.teardown(() => socket.destroy())
  // The thread's descriptors are the process's.
  const all = readdirSync('/proc/self/fd').map((name) => ({ fd: Number(name), ...portsOf(Number(name)) }))
  const accepted = all.filter(({ own, peer }) => own === gateway.port && peer === socket.localPort)
  const dialled = all.filter(({ peer }) => peer === echo.port)
  t.same([accepted.length, dialled.length], [1, 1])
  t.same(
    [...accepted, ...dialled].map(({ fd }) => congestionControl(fd)),
    [expected, expected],
  )
})

async function sockets() {
  const { close } = await import('../../../src/system/linux/descriptors.ts')
  const { readSocketAddress, SOCKET_ADDRESS_BYTES } = await import('../../../src/system/linux/socket-address.ts')
  const { AF_INET, SOCK_STREAM } = await import('../../../src/system/linux/socket-numbers.ts')
  const { getSocketName, socket } = await import('../../../src/system/linux/sockets.ts')
  const { libc } = await import('../../../src/system/linux/libc.ts')
  const getPeerName: typeof getSocketName = libc.func('int getpeername(int, void *, void *)')
  const portOf = (name: typeof getSocketName, fd: number): number | undefined => {
    const bytes = new Uint8Array(SOCKET_ADDRESS_BYTES)
    return name(fd, bytes, new Uint32Array([bytes.length])) < 0 ? undefined : readSocketAddress(bytes)?.port
  }
  return {
    close,
    fresh: () => socket(AF_INET, SOCK_STREAM, 0),
    portsOf: (fd: number) => ({ own: portOf(getSocketName, fd), peer: portOf(getPeerName, fd) }),
  }
}
