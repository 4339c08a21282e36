import t from 'tap'
import { createSocksReplyReader, type SocksReplyStep } from '../../../src/wire/socks-reply.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

type Setting = '4' | '5' | '5 with password'

/** What the server sends, one write after the other, and what comes of the last one; all before must be whole messages. */
const CONVERSATIONS: readonly [setting: Setting, sent: readonly string[], outcome: string][] = [
  ['4', ['005a 0000 00000000'], 'last'],
  ['4', ['005a 0000 00000000 6869'], 'last, then 6869'],
  ['4', ['005b 0000 00000000'], 'refused {"version":4,"reply":91}'],
  ['4', ['005d 0000 00000000'], 'refused {"version":4,"reply":93}'],
  ['4', ['04'], 'bad: did not answer in SOCKS4'],
  ['4', ['0059'], 'bad: did not answer in SOCKS4'],
  ['4', ['0500'], 'bad: did not answer in SOCKS4; it looks like a SOCKS5 proxy'],
  [
    '4',
    ['485454502f312e3120343030'],
    'bad: did not answer in SOCKS4; it looks like an HTTP server or HTTP proxy: HTTP/1.1 400',
  ],
  ['5', ['0500', '0500 00 01 7f000001 1234'], 'last'],
  ['5', ['0500', '0500 00 03 03 616263 1234 2e'], 'last, then 2e'],
  ['5', ['0500', '0500 00 03 00 1234'], 'last'],
  ['5', ['0500', '0500 00 04 00000000000000000000000000000001 1234'], 'last'],
  ['5', ['05ff'], 'refused {"version":5,"noMethod":true}'],
  ['5', ['0502'], 'bad: chose authentication method 2, which it was not offered'],
  ['5', ['0501'], 'bad: chose authentication method 1, which it was not offered'],
  ['5', ['0580'], 'bad: chose authentication method 128, which it was not offered'],
  ['5', ['0400'], 'bad: did not answer in SOCKS5'],
  ['5', ['1603'], 'bad: did not answer in SOCKS5; it looks like a TLS server'],
  ['5', ['5353482d322e302d78'], 'bad: did not answer in SOCKS5; it looks like an SSH server: SSH-2.0-x'],
  ['5', ['0500 05'], 'bad: answered before it was asked'],
  ['5', ['0500', '0505'], 'refused {"version":5,"reply":5}'],
  ['5', ['0500', '0502 00 01 00000000 0000'], 'refused {"version":5,"reply":2}'],
  ['5', ['0500', '05fe'], 'refused {"version":5,"reply":254}'],
  ['5', ['0500', '0500 00 02 00'], 'bad: sent a reply with unknown address type 2'],
  ['5', ['0500', '0000'], 'bad: did not answer in SOCKS5'],
  ['5', ['0500', '0500 00 01 7f0000'], 'more'],
  ['5', ['0500', '0500 00 03'], 'more'],
  ['5 with password', ['0502', '0100', '0500 00 01 00000000 0000'], 'last'],
  ['5 with password', ['0502', '0500', '0500 00 01 00000000 0000'], 'last'],
  ['5 with password', ['0500', '0500 00 01 00000000 0000'], 'last'],
  ['5 with password', ['0502', '0101'], 'refused {"version":5,"wrongPassword":true}'],
  ['5 with password', ['0502', '01ff'], 'refused {"version":5,"wrongPassword":true}'],
  ['5 with password', ['0502', '0200'], 'bad: answered the password with rubbish'],
  ['5 with password', ['0502', '010005'], 'bad: answered before it was asked'],
  ['5 with password', ['05ff'], 'refused {"version":5,"noMethod":true}'],
]

for (const [setting, sent, outcome] of CONVERSATIONS) {
  t.test(`SOCKS${setting}: ${sent.join(' / ')}`, (t) => {
    const reader = makeReader(setting)
    const messages = sent.map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex'))
    for (const message of messages.slice(0, -1)) {
      const step = reader.push(message)
      t.equal(show(step), 'message')
      t.ok(step.kind === 'message' && step.bytes.equals(message), 'passed on as it came')
    }
    t.equal(show(reader.push(messages.at(-1)!)), outcome)
    t.equal(reader.begun, true)

    const bytewise = makeReader(setting)
    let step: SocksReplyStep = { kind: 'more' }
    let used = 0
    const all = Buffer.concat(messages)
    while (used < all.length && (step.kind === 'more' || (step.kind === 'message' && !step.last))) {
      step = bytewise.push(all.subarray(used, used + 1))
      used += 1
    }
    // In single bytes, what follows has not been read yet, and a premature answer only shows as one to the next request.
    if (outcome.startsWith('last')) t.ok(step.kind === 'message' && step.last, 'the same byte by byte')
    t.end()
  })
}

t.test('whatever comes: a step, never an exception, and never more held than a reply is long', (t) => {
  const random = seededRandom(1928)
  for (let round = 0; round < 5000; round++) {
    const reader = makeReader(random.pick(['4', '5', '5 with password']))
    for (let left = 300; left > 0; left--) {
      const bytes = Buffer.from(
        Array.from({ length: 1 + random.below(3) }, () => random.pick([0, 1, 2, 3, 4, 5, 90, 255, random.below(256)])),
      )
      const step = reader.push(bytes)
      if (step.kind === 'bad' || step.kind === 'refused' || (step.kind === 'message' && step.last)) break
      if (left === 1) t.fail('still asking for more after 300 pieces')
    }
  }
  t.pass('5000 rounds')
  t.end()
})

function makeReader(setting: Setting) {
  return createSocksReplyReader(setting === '4' ? 4 : 5, setting === '5 with password')
}

function show(step: SocksReplyStep): string {
  switch (step.kind) {
    case 'more':
      return 'more'
    case 'message':
      return step.last ? `last${step.rest.length > 0 ? `, then ${step.rest.toString('hex')}` : ''}` : 'message'
    case 'refused':
      return `refused ${JSON.stringify(step.refusal)}`
    case 'bad':
      return `bad: ${step.why}`
  }
}
