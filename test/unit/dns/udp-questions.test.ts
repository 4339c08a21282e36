import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import type { DnsClient } from '../../../src/dns/answerer.ts'
import { UdpQuestions } from '../../../src/dns/udp-questions.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

async function setUp(t: Test) {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const clock = manualClock()
  const asked: string[] = []
  const dropped: [reason: string, count: number][] = []
  let answer: Buffer | undefined
  const questions = new UdpQuestions(socket, {
    clock,
    answer: async (query: Buffer, { address }: DnsClient) => {
      asked.push(`${address} ${query}`)
      return answer
    },
    ownerOf: (address) => (address.startsWith('172.20.') ? 'strangers' : address),
    dropped: (reason, count) => dropped.push([reason, count]),
  })
  t.teardown(() => {
    questions.close()
    socket.close()
  })
  return {
    ...{ socket, clock, asked, dropped, questions },
    answerWith: (bytes: Buffer) => {
      answer = bytes
    },
    ask: (address: string, query: string, port = 4000) =>
      questions.take({ query: Buffer.from(query), address, port, from: address }),
  }
}

t.test('clients take turns, and feigned addresses have one together', async (t) => {
  const { ask, asked } = await setUp(t)
  for (let count = 0; count < 1_500; count += 1) ask(`172.20.${count >> 8}.${count & 255}`, `${count}`)
  t.equal(asked.length, 1, 'the first is begun at once')
  ask('10.0.0.9', 'quiet')
  await until('the quiet one', () => asked.includes('10.0.0.9 quiet'))
  t.ok(asked.length < 12, `after ${asked.length} of 1,501`)
  await until('all', () => asked.length === 1_501)
})

t.test('what has waited too long is not answered any more, and counted', async (t) => {
  const { ask, asked, dropped, clock } = await setUp(t)
  for (let count = 0; count < 20; count += 1) ask('10.0.0.9', `${count}`)
  clock.advance(2_001)
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(5_000)
  ask('10.0.0.9', 'new')
  await until('the new one', () => asked.includes('10.0.0.9 new'))
  t.same(asked, ['10.0.0.9 0', '10.0.0.9 new'])
  clock.advance(5_000)
  ask('10.0.0.9', 'newer')
  t.same(dropped, [['overrun', 19]])
})

t.test('more than there is room for: whoever asks most loses', async (t) => {
  const { ask, asked, dropped, questions } = await setUp(t)
  ask('10.0.0.9', 'first')
  for (let count = 0; count < 3_000; count += 1) ask('172.20.0.2', `${count}`)
  ask('10.0.0.8', 'quiet')
  await until('the quiet one', () => asked.includes('10.0.0.8 quiet'))
  questions.close()
  const [[reason, count] = ['', 0]] = dropped
  t.equal(reason, 'overrun')
  t.ok(count > 500 && count < 1_500, `${count} of 3,000`)
  ask('10.0.0.8', 'late')
  t.notOk(asked.includes('10.0.0.8 late'), 'closed')
})

t.test('an answer goes back to whoever has asked; one that the system does not take is counted', async (t) => {
  const { ask, answerWith, dropped } = await setUp(t)
  const client = createSocket('udp4')
  t.teardown(() => client.close())
  client.bind(0, '127.0.0.1')
  await once(client, 'listening')
  answerWith(Buffer.from('an answer'))
  const came = once(client, 'message') as Promise<[Buffer]>
  ask('127.0.0.1', 'q', client.address().port)
  t.equal(String((await came)[0]), 'an answer')
  t.same(dropped, [])
  if (process.platform !== 'linux') return
  answerWith(Buffer.alloc(70_000))
  ask('127.0.0.1', 'q', client.address().port)
  await until('the loss', () => dropped.length > 0)
  t.same(dropped, [['unsent', 1]])
})

t.test('while it drains: what waits is still asked, nothing is taken, until it goes on', async (t) => {
  const { ask, asked, questions } = await setUp(t)
  let emptied = 0
  for (let count = 0; count < 20; count += 1) ask('10.0.0.9', `${count}`)
  questions.drain(() => {
    emptied += 1
    t.equal(asked.length, 20)
  })
  ask('10.0.0.9', 'late')
  t.equal(emptied, 0)
  await until('all', () => emptied > 0)
  ask('10.0.0.9', 'later')
  t.equal(asked.length, 20)
  questions.resume()
  ask('10.0.0.9', 'again')
  await until('one more', () => asked.length === 21)
  t.equal(asked.at(-1), '10.0.0.9 again')
  let isEmpty = false
  questions.drain(() => {
    isEmpty = true
  })
  t.ok(isEmpty, 'at once where nothing waits')
})
