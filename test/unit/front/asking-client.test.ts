import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { FrontClientHost } from '../../../src/front/front-client-host.ts'
import { borrow, canBorrow } from '../../../src/relay/borrow.ts'
import { DOOR_RULES } from '../../fixtures/door-rules.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'
import { until } from '../../fixtures/until.ts'

if (process.platform !== 'linux') t.plan(0, 'the front is for Linux')
else {
  const { AskingClient } = await import('../../../src/front/asking-client.ts')
  const { FrontDoor } = await import('../../../src/front/front-door.ts')
  const { EPOLLERR, EPOLLOUT } = await import('../../../src/system/linux/epoll.ts')
  const { keepsAlive, PATIENT } = await import('../../fixtures/keeps-alive.ts')
  const { close, duplicate, poll } = await import('../../../src/system/linux/descriptors.ts')

  /** What poll(2) says of a descriptor; it takes nothing away. */
  const events = (fd: number): number => {
    const asked = Buffer.alloc(8)
    asked.writeInt32LE(fd)
    asked.writeInt16LE(POLLIN, 4)
    poll(asked, 1, 0)
    return asked.readInt16LE(6)
  }
  const POLLIN = 1

  /** A client of the front, the program behind it, and what the front was told. */
  const rig = async (t: Test) => {
    const { near, far } = await tcpPair()
    if (!canBorrow(near)) throw new Error('this is a plain socket')
    const fd = duplicate(borrow(near, () => {}).fd)
    const told: string[] = []
    const upstreams: number[] = []
    const host = {
      loop: {
        watch: (watched: number) => {
          if (watched !== fd) upstreams.push(watched)
          return true
        },
        forget: () => {},
        closeDescriptor: (closed: number) => void close(closed),
      },
      pacing: { lift: () => {} },
      now: () => 0,
      holds: () => {},
      asks: () => told.push('asks'),
      failed: () => told.push('failed'),
      stands: () => told.push('stands'),
      left: (_client: unknown, { kind }: { kind: string }) => told.push(kind),
      progress: () => 0,
      queue: () => {},
      times: { begin: () => {}, since: () => 0, check: () => undefined, ended: () => {} },
      startTunnel: () => ({ ended: true, happened: () => {}, end: () => {} }),
    } as unknown as FrontClientHost
    const door = new FrontDoor(0, -1, DOOR_RULES, undefined as never)
    const peer = { address: '127.0.0.1', port: 1 }
    t.teardown(() => {
      for (const socket of [near, far]) socket.destroy()
    })
    return { fd, far, told, upstreams, client: new AskingClient(1, 0, fd, door, peer, host) }
  }

  const says = async (fd: number, far: Socket, what: Uint8Array | string) => {
    far.write(what)
    await until('it has come', () => (events(fd) & POLLIN) !== 0)
  }

  const resets = async (fd: number, far: Socket) => {
    far.resetAndDestroy()
    await until('its reset has come', () => (events(fd) & EPOLLERR) !== 0)
  }

  t.test('a client whose reset the answer to it hears of first has gone, and has no tunnel', async (t) => {
    const { fd, far, told, upstreams, client } = await rig(t)
    const origin = createServer().listen(0, '127.0.0.1')
    await once(origin, 'listening')
    t.teardown(() => origin.close())
    const { port } = origin.address() as AddressInfo
    await says(fd, far, `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    client.start()
    const connected = once(origin, 'connection') as Promise<[Socket]>
    client.answer(['127.0.0.1'])
    const [socket] = await connected
    const ended = once(socket.resume(), 'end')
    await resets(fd, far)
    client.happened(upstreams[0]!, EPOLLOUT)
    t.same(told, ['asks', 'gone'])
    await ended
    socket.destroy()
  })

  t.test('also while it asks', async (t) => {
    const { fd, far, told, client } = await rig(t)
    await says(fd, far, Buffer.from([5, 1, 0]))
    await resets(fd, far)
    client.start()
    t.same(told, ['closed'])
  })

  t.test('a tunnel that lasts has keep-alive on both its sides', async (t) => {
    const { fd, far, upstreams, client } = await rig(t)
    const origin = createServer().listen(0, '127.0.0.1')
    await once(origin, 'listening')
    t.teardown(() => origin.close())
    const { port } = origin.address() as AddressInfo
    await says(fd, far, `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    client.start()
    const connected = once(origin, 'connection') as Promise<[Socket]>
    client.answer(['127.0.0.1'])
    const [socket] = await connected
    t.teardown(() => socket.destroy())
    const upstream = upstreams[0]!
    client.happened(upstream, EPOLLOUT)
    client.check(29_000)
    t.same([keepsAlive(fd), keepsAlive(upstream)], [undefined, undefined], 'a short one goes without')
    client.check(31_000)
    t.same([keepsAlive(fd), keepsAlive(upstream)], [PATIENT, PATIENT])
    client.tunnelEnded('finished', undefined)
  })
}
