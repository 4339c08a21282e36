import { once } from 'node:events'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { serveTcp } from '../../../src/dns/tcp-conversation.ts'
import { tcpPair } from '../../fixtures/socket-pair.ts'
import { until } from '../../fixtures/until.ts'

type Answer = (query: Buffer) => Promise<Buffer | undefined>

/** A client's end and the server's, joined; the server's is served. */
async function conversation(t: Test, answer: Answer): Promise<{ client: Socket; server: Socket; heard: () => Buffer }> {
  const { near: server, far: client } = await tcpPair()
  t.teardown(() => {
    client.destroy()
    server.destroy()
  })
  serveTcp(server, answer)
  server.resume()
  const chunks: Buffer[] = []
  client.on('data', (chunk: Buffer) => chunks.push(chunk))
  return { client, server, heard: () => Buffer.concat(chunks) }
}

function framed(...messages: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    messages.map((message) => {
      const bytes = Buffer.from(message)
      const length = Buffer.alloc(2)
      length.writeUInt16BE(bytes.length)
      return Buffer.concat([length, bytes])
    }),
  )
}

function unframed(bytes: Buffer): string[] {
  const messages = []
  for (let at = 0; at + 2 <= bytes.length; at += 2 + bytes.readUInt16BE(at))
    messages.push(bytes.toString('latin1', at + 2, at + 2 + bytes.readUInt16BE(at)))
  return messages
}

const echo: Answer = async (query) => query

t.test('questions in one segment, and one in many', async (t) => {
  const { client, heard } = await conversation(t, echo)
  client.write(framed('one', 'two', 'three'))
  await until('three answers', () => unframed(heard()).length === 3)
  client.setNoDelay(true)
  for (const byte of framed('four')) {
    client.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until('the fourth', () => unframed(heard()).length === 4)
  t.same(unframed(heard()), ['one', 'two', 'three', 'four'])
})

t.test('answers go as they come, not in the order of the questions (RFC 7766 §6.2.1.1)', async (t) => {
  let release = () => {}
  const { client, heard } = await conversation(t, async (query) => {
    if (String(query) === 'slow') await new Promise<void>((resolve) => (release = resolve))
    return query
  })
  client.write(framed('slow', 'quick'))
  await until('the quick one', () => unframed(heard()).length === 1)
  release()
  await until('both', () => unframed(heard()).length === 2)
  t.same(unframed(heard()), ['quick', 'slow'])
})

t.test('a client that ends after its questions gets every answer, then the end', async (t) => {
  const { client, heard } = await conversation(t, async (query) => {
    await new Promise((resolve) => setImmediate(resolve))
    return query
  })
  client.end(framed(...Array.from({ length: 200 }, (_, n) => `question ${n}`)))
  await once(client, 'end')
  t.equal(unframed(heard()).length, 200)
})

t.test(
  'a client that ends and reads slowly, with more to tell it than may wait: every answer all the same',
  async (t) => {
    const large = Buffer.alloc(60_000, 'x')
    const { client, heard } = await conversation(t, async () => large)
    client.pause()
    client.end(framed(...Array.from({ length: 200 }, (_, n) => `question ${n}`)))
    await new Promise((resolve) => setImmediate(resolve))
    client.resume()
    await once(client, 'end')
    t.equal(heard().length, 200 * (60_000 + 2))
  },
)

t.test('no more than 64 at once', async (t) => {
  let running = 0
  let most = 0
  const waiting: (() => void)[] = []
  const { client, heard } = await conversation(t, async (query) => {
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => waiting.push(resolve))
    running--
    return query
  })
  client.write(framed(...Array.from({ length: 200 }, (_, n) => String(n))))
  await until('as many as may', () => waiting.length === 64)
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(waiting.length, 64)
  await until('all answers', () => {
    waiting.shift()?.()
    return unframed(heard()).length === 200
  })
  t.equal(most, 64)
})

t.test('what is no question ends the conversation', async (t) => {
  for (const [title, bytes, answer] of [
    ['longer than any question', Buffer.of(0x10, 0x01), echo],
    ['something that gets no answer', framed('an answer'), async () => undefined],
  ] as const) {
    const { client, heard } = await conversation(t, answer)
    client.write(bytes)
    await once(client, 'end')
    t.equal(heard().length, 0, title)
  }
})

t.test('a client that goes while its answer is made', async (t) => {
  let release = () => {}
  const { client, server } = await conversation(t, async (query) => {
    await new Promise<void>((resolve) => (release = resolve))
    return query
  })
  client.write(framed('x'))
  await until('the question', () => server.bytesRead > 0)
  client.resetAndDestroy()
  await until('the loss', () => server.destroyed)
  release()
  await new Promise((resolve) => setImmediate(resolve))
  t.pass('nothing is thrown')
})
