import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import type { FrontDoor } from '../../../src/front/front-door.ts'
import { socketAddress } from '../../../src/system/linux/socket-address.ts'
import { AF_INET, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY } from '../../../src/system/linux/socket-numbers.ts'
import { DOOR_RULES } from '../../fixtures/door-rules.ts'

const skip = process.platform !== 'linux' && 'the front is for Linux'

t.test('what a client is sent waits for no acknowledgement of what went before', { skip }, async (t) => {
  const { FrontDoor } = await import('../../../src/front/front-door.ts')
  const { close } = await import('../../../src/system/linux/descriptors.ts')
  const { connect, getSocketOption, socket } = await import('../../../src/system/linux/sockets.ts')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  const taken: number[] = []
  const door: FrontDoor = new FrontDoor(0, fd, DOOR_RULES, {
    loop: undefined as never, // nothing is watched here
    arrived: (_door, descriptor) => taken.push(descriptor),
    trouble: (_door, error) => t.fail(`accept: error ${error}`),
  })
  // All of it in one turn, before Node's own listener has its own.
  const client = socket(AF_INET, SOCK_STREAM, 0)
  t.teardown(() => {
    server.close()
    for (const one of [client, ...taken]) close(one)
  })
  const address = socketAddress({ address: '127.0.0.1', port: (server.address() as AddressInfo).port })
  t.equal(connect(client, address, address.length), 0)
  door.happened()
  t.equal(taken.length, 1)
  const value = Buffer.alloc(4)
  getSocketOption(taken[0]!, IPPROTO_TCP, TCP_NODELAY, value, new Uint32Array([4]))
  t.not(value.readInt32LE(), 0, 'TCP_NODELAY')
})

t.test('where others take clients too, a thread takes some and leaves the rest to them', { skip }, async (t) => {
  const { FrontDoor } = await import('../../../src/front/front-door.ts')
  const { EventLoop } = await import('../../../src/front/event-loop.ts')
  const { close, duplicate } = await import('../../../src/system/linux/descriptors.ts')
  const { connect, socket } = await import('../../../src/system/linux/sockets.ts')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  const address = socketAddress({ address: '127.0.0.1', port: (server.address() as AddressInfo).port })
  const opened: number[] = []
  const taken = [0, 0]
  const threads = taken.map((_, place) => {
    const loop = new EventLoop()
    const host = {
      loop,
      arrived(_door: FrontDoor, descriptor: number) {
        taken[place]! += 1
        opened.push(descriptor)
      },
      trouble: (_door: FrontDoor, error: number) => t.fail(`accept: error ${error}`),
    }
    const door: FrontDoor = new FrontDoor(0, duplicate(fd), DOOR_RULES, host, true)
    door.resume()
    const turn = () => {
      loop.wait(0)
      loop.tell(-1)
    }
    return { loop, door, turn }
  })
  t.teardown(() => {
    for (const { door, loop } of threads) {
      door.shut()
      loop.close()
    }
    server.close()
    for (const one of opened) close(one)
  })
  // All of it in one turn, before Node's own listener has its own.
  const dial = (count: number) => {
    for (let dialled = 0; dialled < count; dialled += 1) {
      const client = socket(AF_INET, SOCK_STREAM, 0)
      opened.push(client)
      connect(client, address, address.length)
    }
  }
  const [first, second] = threads as [(typeof threads)[0], (typeof threads)[0]]
  dial(12)
  first.turn()
  second.turn()
  t.same(taken, [8, 4])
  dial(9)
  first.turn()
  first.turn()
  t.same(taken, [17, 4], 'who has stepped back is told of the rest, if nobody else takes it')
  dial(1)
  second.turn()
  t.same(taken, [17, 5], 'as is the other')
})
