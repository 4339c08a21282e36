import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { ClientCounts, clientCountsMemory } from '../../../src/front/client-counts.ts'
import type { FromFront, Gift, ToFront } from '../../../src/front/messages.ts'
import { ring } from '../../../src/system/bell.ts'
import { DOOR_RULES } from '../../fixtures/door-rules.ts'

const skip = process.platform !== 'linux' && 'the front is for Linux'

t.test('a descriptor that is given away is known to somebody at every moment', { skip }, async (t) => {
  const { Front } = await import('../../../src/front/front.ts')
  const { socketAddress } = await import('../../../src/system/linux/socket-address.ts')
  const { AF_INET, SOCK_STREAM } = await import('../../../src/system/linux/socket-numbers.ts')
  const { close, duplicate } = await import('../../../src/system/linux/descriptors.ts')
  const { connect, send, socket } = await import('../../../src/system/linux/sockets.ts')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const listening = duplicate((server as unknown as { _handle: { fd: number } })._handle.fd)
  const address = socketAddress({ address: '127.0.0.1', port: (server.address() as AddressInfo).port })

  // The front has this thread until it is told to close, so all that happens to it is told by its own words.
  const descriptors = new Int32Array(8)
  const gifts: Gift[] = []
  let bell = -1
  let next: ToFront[] = [{ kind: 'open', door: 0, descriptor: listening, rules: DOOR_RULES }]
  const client = socket(AF_INET, SOCK_STREAM, 0)
  const post = (message: FromFront) => {
    if (message.kind === 'ready') {
      bell = message.wakeDescriptor
      ring(bell)
    } else if (message.kind === 'opened') {
      connect(client, address, address.length)
      send(client, Buffer.from('what nobody here understands'), 28, 0)
    } else if (message.kind === 'batch') {
      gifts.push(...message.gifts)
      t.ok(descriptors.includes(gifts[0]!.descriptor), 'in the table, as long as it has not been told')
      next = [{ kind: 'close' }]
      ring(bell)
    }
  }
  const receive = () => {
    if (gifts.length > 0) t.same([...descriptors], Array(8).fill(0), 'and then in the message alone')
    return next.splice(0)
  }
  const numbers = () => new Int32Array(new SharedArrayBuffer(8_192))
  new Front({
    startTunnel: () => t.fail('no tunnel'),
    admits: () => true,
    receive,
    post,
    counts: () => [0, 0, -1],
    clearRow: () => {},
    holdQueue: () => t.fail('no queue'),
    progress: () => 0,
    threads: 1,
    descriptors,
    listening: numbers(),
    own: numbers(),
    connections: numbers(),
    clients: new ClientCounts(
      clientCountsMemory(() => 1),
      'front',
    ),
    epoch: numbers(),
  } as never).run()
  t.equal(gifts.length, 1)
  for (const fd of [client, bell, ...gifts.map(({ descriptor }) => descriptor)]) close(fd)
  server.close()
})
