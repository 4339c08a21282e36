import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { resetSocket } from '../../../src/system/reset-socket.ts'
import { lastRead } from '../../fixtures/last-read.ts'
import { until } from '../../fixtures/until.ts'

async function pair(t: Test): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  const accepted = once(server, 'connection')
  await once(server, 'listening')
  const far = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [near] = (await accepted) as [Socket]
  for (const socket of [near, far]) socket.on('error', () => {})
  t.teardown(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  return { near, far }
}

t.test('a reset, where nothing has been said of an end', async (t) => {
  const { near, far } = await pair(t)
  let ending: string | undefined
  far.once('error', ({ message }) => {
    ending = message
  })
  far.once('end', () => {
    ending = lastRead(far)
  })
  far.resume()
  resetSocket(near)
  await until('it is closed', () => near.closed)
  await until('the other hears of it', () => ending !== undefined)
  t.match(ending, /ECONNRESET/)
})

// libuv refuses it then, and Node lets go of the handle without closing it: no `close`, a descriptor that is lost, and a process that cannot end.
t.test('behind an end that is under way: closed all the same', async (t) => {
  const { near, far } = await pair(t)
  const errors: Error[] = []
  near.on('error', (error) => errors.push(error))
  const closed = once(near, 'close') // `closed` is true also of one that is lost
  far.resume()
  near.end('bye')
  t.equal(near.writableLength, 0, 'it was taken at once')
  resetSocket(near)
  await closed
  t.same(errors, [])
  await once(far, 'end')
})

t.test('a second time, and behind a close', async (t) => {
  const { near } = await pair(t)
  resetSocket(near)
  resetSocket(near)
  await until('it is closed', () => near.closed)
  resetSocket(near)
})
