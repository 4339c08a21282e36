import t, { type Test } from 'tap'
import { Upstream } from '../../../src/dns/upstream.ts'
import { readMessage } from '../../../src/wire/dns/message.ts'
import { questionBytes } from '../../../src/wire/dns/reply.ts'
import { dnsQuery, dnsResponse } from '../../fixtures/dns-messages.ts'
import { fakeDnsServer } from '../../fixtures/dns-server.ts'
import { manualClock } from '../../fixtures/manual-clock.ts'
import { until } from '../../fixtures/until.ts'

/** Two servers, of which the first does as it is told; how many questions each has had. */
async function two(t: Test) {
  const told: { first: 'answers' | 'fails' | 'is silent' } = { first: 'answers' }
  const first = await fakeDnsServer(t, (query) =>
    told.first === 'is silent' ? [] : [dnsResponse(query, { rcode: told.first === 'fails' ? 2 : 3 } as never)],
  )
  const second = await fakeDnsServer(t, (query) => [dnsResponse(query, { rcode: 3 } as never)])
  const servers = [first, second]
  const clock = manualClock()
  let id = 0
  const upstream = new Upstream({ clock, randomId: () => ++id })
  const question = Buffer.from(questionBytes(readMessage(dnsQuery('x.corp', 'MX'))))
  const ask = (tryMs?: number) =>
    upstream.ask(
      servers,
      { question, dnssecOk: false, checkingDisabled: false },
      new AbortController().signal,
      ...(tryMs === undefined ? [] : [tryMs]),
    )
  const asked = () => [first.queries.length, second.queries.length]
  /** Asks while the first is silent. */
  const passOver = async (tryMs?: number) => {
    told.first = 'is silent'
    const [before = 0] = asked()
    const answer = ask(tryMs)
    await until('the question', () => asked()[0] === before + 1)
    clock.advance(tryMs ?? 1_000)
    await answer
    told.first = 'answers'
  }
  return { told, clock, upstream, ask, asked, passOver }
}

t.test('what a server says of one name moves no questions to the next one', async (t) => {
  const { told, ask, asked } = await two(t)
  told.first = 'fails'
  await ask()
  t.same(asked(), [1, 1])
  told.first = 'answers'
  await ask()
  t.same(asked(), [2, 1])
})

t.test('one that was silent is passed over for half a minute, in this network', async (t) => {
  const { clock, upstream, ask, asked, passOver } = await two(t)
  await passOver()
  await ask()
  t.same(asked(), [1, 2])
  clock.advance(30_000)
  await ask()
  t.same(asked(), [2, 2], 'it may know names that the other does not')
  await passOver()
  upstream.forget()
  await ask()
  t.same(asked(), [4, 3])
})

t.test('questions that wait for less move those alone', async (t) => {
  const { ask, asked, passOver } = await two(t)
  await passOver(500)
  await ask(500)
  t.same(asked(), [1, 2])
  await ask()
  t.same(asked(), [2, 2])
})
