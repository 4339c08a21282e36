import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { LentServer } from '../../../src/system/lent-server.ts'
import { duplicate } from '../../../src/system/linux/descriptors.ts'
import { until } from '../../fixtures/until.ts'

const skip = process.platform !== 'linux' && 'sockets are lent on Linux'

/** A server that listens, and all that happens to it. */
async function rig(t: Test) {
  const log: string[] = []
  const make = () =>
    createServer((socket) => {
      lent.count(socket)
      log.push('client')
    })
  const server = make()
  const lent = new LentServer(server, () => make().on('error', ({ message }) => log.push(message)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clients: Socket[] = []
  const successor = {
    connections: 2,
    holds: (count: number) => void log.push(`holds ${count}`),
    shut: () => void log.push('shut'),
  }
  t.teardown(() => {
    for (const client of clients) client.destroy()
    lent.destroyConnections()
    lent.server.close()
  })
  const dial = async () => {
    const client = connect(port, '127.0.0.1')
    clients.push(client)
    await once(client, 'connect')
    return client
  }
  return { log, lent, server, successor, dial }
}

t.test('lent, and nothing comes of it', { skip }, async (t) => {
  const { lent, server, dial, log } = await rig(t)
  const descriptor = lent.lend()
  t.ok(fstatSync(descriptor!).isSocket())
  lent.keep()
  await dial()
  await until('it is known', () => log.includes('client'))
  t.equal(lent.connections, 1)
  lent.lend()
  lent.close()
  t.equal(server.listening, true, 'what is lent is not closed')
  lent.keep()
  t.equal(server.listening, false)
  t.equal(lent.lend(), undefined)
})

t.test('left to somebody else, who is told what there is, and taken back', { skip }, async (t) => {
  const { lent, server, successor, dial, log } = await rig(t)
  const client = await dial()
  await until('it is known', () => log.includes('client'))
  // What a successor has: a descriptor of its own for the same socket.
  const own = duplicate(lent.lend()!)
  lent.leaveTo(successor)
  t.equal(server.listening, false)
  t.equal(lent.connections, 3)
  client.destroy()
  await until('it is known', () => log.includes('holds 0'))
  t.same(log, ['client', 'holds 1', 'holds 0'])
  lent.takeBack(own)
  await dial()
  await until('it is known', () => log.filter((line) => line === 'client').length === 2)
  t.equal(lent.connections, 1)
  lent.close()
  t.equal(lent.server.listening, false)
})

t.test('closed in the meantime', { skip }, async (t) => {
  const { lent, successor, log } = await rig(t)
  lent.lend()
  lent.close()
  lent.leaveTo(successor)
  t.same(log, ['shut', 'holds 0'], 'its successor is told')
  lent.takeBack(99_999)
  t.equal(lent.server.listening, false, 'and it does not come back')
  t.same(log, ['shut', 'holds 0'])
})
