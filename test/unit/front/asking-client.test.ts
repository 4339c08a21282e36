import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { FrontClientHost } from '../../../src/front/front-client-host.ts'
import type { TunnelSide } from '../../../src/front/tunnel.ts'
import { borrow, canBorrow } from '../../../src/relay/borrow.ts'
import { sendUrgent, unacknowledged, write } from '../../contract/far-ends.ts'
import { DOOR_RULES } from '../../fixtures/door-rules.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'
import { until } from '../../fixtures/until.ts'

if (process.platform !== 'linux') t.plan(0, 'the front is for Linux')
else {
  const { AskingClient } = await import('../../../src/front/asking-client.ts')
  const { FrontDoor } = await import('../../../src/front/front-door.ts')
  const { EPOLLERR, EPOLLIN, EPOLLOUT, EPOLLPRI } = await import('../../../src/system/linux/epoll.ts')
  const { keepsAlive, PATIENT } = await import('../../fixtures/keeps-alive.ts')
  const { close, duplicate, poll } = await import('../../../src/system/linux/descriptors.ts')

  const { receive } = await import('../../../src/system/linux/sockets.ts')
  const { MSG_DONTWAIT } = await import('../../../src/system/linux/socket-numbers.ts')

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
    /** What its tunnel was told of the client's descriptor. */
    const toTunnel = { events: 0, early: '' }
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
      startTunnel: (_row: number, { early = new Uint8Array() }: TunnelSide) => {
        toTunnel.early = Buffer.from(early).toString()
        const happened = (side: string, events: number) => {
          if (side === 'client') toTunnel.events |= events
        }
        return { ended: true, happened, end: () => {} }
      },
    } as unknown as FrontClientHost
    const door = new FrontDoor(0, -1, DOOR_RULES, undefined as never)
    const peer = { address: '127.0.0.1', port: 1 }
    t.teardown(() => {
      for (const socket of [near, far]) socket.destroy()
    })
    return { fd, far, told, upstreams, toTunnel, client: new AskingClient(1, 0, fd, door, peer, host) }
  }

  /** Reads what there is, in as many reads as it takes. */
  const rest = (fd: number): string => {
    const room = Buffer.alloc(100)
    let text = ''
    for (let got = 1; got > 0; text += room.toString('latin1', 0, Math.max(0, got)))
      got = receive(fd, room, 100, MSG_DONTWAIT)
    return text
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

  for (const [where, before, behind] of [
    [
      'behind its request',
      (port: number) => `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\nat once`,
      () => 'behind',
    ],
    [
      'in it', // as a method of SOCKS
      () => Buffer.from([5, 2]),
      (port: number) => Buffer.from([0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255, ...Buffer.from('at once')]),
    ],
  ] as const) {
    t.test(`an urgent byte ${where}, at which a read stops short: what stands there already is read`, async (t) => {
      const { fd, far, told, upstreams, toTunnel, client } = await rig(t)
      const origin = createServer().listen(0, '127.0.0.1')
      await once(origin, 'listening')
      t.teardown(() => origin.close())
      const { port } = origin.address() as AddressInfo
      client.start()
      await write(far, Buffer.from(before(port)))
      await sendUrgent(far)
      await write(far, Buffer.from(behind(port)))
      await until('all of it has come', () => unacknowledged(far) === 0)
      const connected = once(origin, 'connection') as Promise<[Socket]>
      // As epoll tells of all of it at once, and not again.
      client.happened(fd, EPOLLIN | EPOLLPRI)
      t.same(told, ['asks'])
      client.answer(['127.0.0.1'])
      const [socket] = await connected
      t.teardown(() => socket.destroy())
      client.happened(upstreams[0]!, EPOLLOUT)
      t.same(told, ['asks', 'stands'])
      const behindEarly = toTunnel.events & EPOLLIN ? rest(fd) : ''
      t.equal(toTunnel.early + behindEarly, where === 'in it' ? 'at once' : 'at once!behind')
      client.tunnelEnded('finished', undefined)
    })
  }

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
