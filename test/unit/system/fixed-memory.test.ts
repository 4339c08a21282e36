import { once } from 'node:events'
import { closeSync, writeSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'

const skip = process.platform !== 'linux' && 'the calls are Linux’s'

t.test('what is received stands at the beginning of the memory, and is sent from there', { skip }, async (t) => {
  const { fixedMemory } = await import('../../../src/system/linux/fixed-memory.ts')
  const { MSG_DONTWAIT, MSG_NOSIGNAL } = await import('../../../src/system/linux/socket-numbers.ts')
  const { receiveFixed, sendFixed } = await import('../../../src/system/linux/sockets.ts')
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
  t.teardown(() => void server.close())
  await once(server, 'listening')
  const far = connect((server.address() as { port: number }).port, '127.0.0.1')
  t.teardown(() => void far.destroy())
  const [near] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => void near.destroy())
  const { fd } = (near as unknown as { _handle: { fd: number } })._handle
  const memory = fixedMemory(8)
  t.ok(memory.address > 0)
  t.equal(receiveFixed(fd, memory, MSG_DONTWAIT), -1, 'there is nothing yet')
  await new Promise<void>((done) => far.write('twelve bytes', () => done()))
  t.equal(receiveFixed(fd, memory, 0), 8, 'no more than it holds')
  t.equal(Buffer.from(memory.bytes).toString(), 'twelve b')
  t.equal(receiveFixed(fd, memory, 0), 4)
  t.equal(Buffer.from(memory.bytes).toString(), 'ytesve b')
  t.equal(sendFixed(fd, memory, 5, MSG_NOSIGNAL), 5)
  t.equal(String((await once(far, 'data'))[0]), 'ytesv')
})

t.test('a table of events is filled by the kernel, and by no more events than it has room for', { skip }, async (t) => {
  const { EPOLL_CTL_ADD, EPOLLIN, EVENT_DATA, EVENT_INTS, epollControl, epollCreate, epollWait, eventTable } =
    await import('../../../src/system/linux/epoll.ts')
  const { eventDescriptor, O_CLOEXEC } = await import('../../../src/system/linux/descriptors.ts')
  const epoll = epollCreate(O_CLOEXEC)
  t.teardown(() => closeSync(epoll))
  const table = eventTable(2)
  const event = new Int32Array(EVENT_INTS)
  for (const name of [7, 8, 9]) {
    const fd = eventDescriptor(0, O_CLOEXEC)
    t.teardown(() => closeSync(fd))
    event[0] = EPOLLIN
    event[EVENT_DATA] = name
    t.equal(epollControl(epoll, EPOLL_CTL_ADD, fd, event), 0)
    t.equal(epollWait(epoll, table, 0), Math.min(2, name - 7), 'those that have been rung')
    writeSync(fd, new Uint8Array(new BigUint64Array([1n]).buffer))
  }
  t.equal(epollWait(epoll, table, 1_000), 2)
  t.equal(table.numbers[0], EPOLLIN)
  t.equal(table.numbers.length, 2 * EVENT_INTS)
})
