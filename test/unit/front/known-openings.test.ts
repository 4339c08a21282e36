import t from 'tap'
import { KnownOpenings, type Place } from '../../../src/front/known-openings.ts'

const OPTIONS = { pseudonym: 'fairlead-test', maxHeadBytes: 4_000 }
const HEAD = 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n'
const GREETING = '\x05\x01\x00'
const REQUEST = '\x05\x01\x00\x03\x06a.test\x01\xbb'

/** What clients that say this are told, the last step of each. */
function say(openings: KnownOpenings, ...chunks: string[]) {
  let place: Place | undefined
  let before = ''
  for (const chunk of chunks) {
    place = openings.hear(place, before, chunk)
    before += chunk
  }
  return place!.step
}

t.test('the same bytes are read once', async (t) => {
  const openings = new KnownOpenings(OPTIONS)
  for (const chunks of [[`${HEAD}\r\n`], [GREETING, REQUEST], [GREETING + REQUEST]]) {
    const first = say(openings, ...chunks)
    t.match(first, { kind: 'wish', wish: { target: { host: 'a.test', port: 443 } } })
    t.equal(say(openings, ...chunks), first)
  }
  t.match(say(openings, GREETING, REQUEST), { send: undefined })
  t.match(say(openings, GREETING + REQUEST), { send: Buffer.from('0500', 'hex') })
})

t.test('in pieces, after pieces that are known and that are not', async (t) => {
  const openings = new KnownOpenings(OPTIONS)
  for (const first of [GREETING, GREETING + REQUEST.slice(0, 4)]) {
    const rest = (GREETING + REQUEST).slice(first.length)
    for (const chunks of [[first, rest], [first, ...rest], [...(first + rest)]]) {
      t.match(say(openings, ...chunks), { kind: 'wish', wish: { protocol: 'socks5' } })
    }
  }
})

t.test('what is for the target, secret, long or refused is not kept', async (t) => {
  const openings = new KnownOpenings(OPTIONS)
  for (const said of [
    `${HEAD}\r\nmore`,
    `${HEAD}Proxy-Authorization: Basic eDp5\r\n\r\n`,
    `${HEAD}X: ${'y'.repeat(1_024)}\r\n\r\n`,
    `${HEAD}Via: 1.1 fairlead-test\r\n\r\n`,
  ]) {
    const first = say(openings, said)
    t.same(say(openings, said), first)
    if (first.kind !== 'other') t.not(say(openings, said), first, said)
  }
  const step = say(openings, `${HEAD}\r\nmore`)
  t.equal(step.kind === 'wish' && step.wish.rest.toString(), 'more')
})

t.test('clients of which each says something else do not fill memory', async (t) => {
  const openings = new KnownOpenings(OPTIONS)
  const first = say(openings, GREETING)
  for (let client = 0; client < 1_023; client += 1) say(openings, `${HEAD}X: ${client}\r\n\r\n`)
  t.equal(say(openings, GREETING), first)
  say(openings, `${HEAD}\r\n`)
  t.not(say(openings, GREETING), first, 'begun anew')
})
