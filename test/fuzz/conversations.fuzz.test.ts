import { test } from 'tap'
import { type ConnectReplyStep, createConnectReplyParser } from '../../src/wire/http-connect.ts'
import { SocksConversation, type SocksStep } from '../../src/wire/socks-conversation.ts'
import { createSocksReplyReader, type SocksReplyStep } from '../../src/wire/socks-reply.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 20_000
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/

/** Mostly right bytes with faults strewn in: pure noise never gets past the first byte. */
function mangled(random: SeededRandom, pieces: readonly string[], limit: number): Buffer {
  const bytes = Buffer.from(random.text(pieces, limit), 'latin1')
  for (let faults = random.below(3); faults > 0 && bytes.length > 0; faults--) {
    bytes[random.below(bytes.length)] = random.below(256)
  }
  return bytes
}

/** The same bytes in one piece, and cut at random. */
function cuts(random: SeededRandom, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  for (let from = 0; from < bytes.length; ) {
    const to = from + 1 + random.below(bytes.length - from)
    pieces.push(bytes.subarray(from, to))
    from = to
  }
  return pieces
}

/** What a client of a SOCKS conversation sees, and what came of it. */
function converse(pieces: readonly Buffer[]): string {
  const auth = { verify: (user: string, password: string) => user === 'u' && password === 'p' }
  const conversation = new SocksConversation(pieces[0]?.[0] === 5 ? auth : undefined)
  const sent: Buffer[] = []
  let last: SocksStep = { kind: 'more' }
  let used = 0
  for (const piece of pieces) {
    last = conversation.push(piece)
    used++
    if (last.send) sent.push(last.send)
    if (last.kind !== 'more') break
  }
  const answer = Buffer.concat(sent).toString('hex')
  if (last.kind === 'failed')
    return `${answer} failed ${last.error.code}${CONTROL.test(last.error.message) ? ' UNCLEAN' : ''}`
  if (last.kind === 'more') return `${answer} more`
  const rest = Buffer.concat([last.rest, ...pieces.slice(used)]).toString('hex')
  return `${answer} ${JSON.stringify(last.request)} ${rest}`
}

test('a SOCKS client is understood alike however its bytes are cut, and refused without an internal error', async (t) => {
  const random = seededRandom(0x50c5)
  const starts = [
    '\x05\x01\x02',
    '\x05\x02\x00\x02',
    '\x05\x01\x00',
    '\x04\x01\x00\x50',
    '\x04\x01\x01\xbb\x00\x00\x00\x01',
  ]
  const pieces = [
    '\x01\x01u\x01p',
    '\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50',
    '\x05\x01\x00\x03\x06a.test\x01\xbb',
    `\x05\x01\x00\x04${'\x00'.repeat(15)}\x01\x00\x50`,
    '\x05\x03\x00\x01',
    'user\0',
    'a.test\0',
    'early',
    '\xff'.repeat(30),
  ]
  let requests = 0
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = Buffer.concat([Buffer.from(random.pick(starts), 'latin1'), mangled(random, pieces, 4)])
    const whole = converse([bytes])
    if (/INTERNAL|UNCLEAN/.test(whole)) t.fail(`${bytes.toString('hex')}: ${whole}`)
    if (whole.includes('"version"')) requests++
    const cut = converse(cuts(random, bytes))
    if (cut !== whole) t.fail(`${bytes.toString('hex')}: whole ${whole}, cut ${cut}`)
  }
  t.ok(requests > ROUNDS / 50, `${requests} requests among them`)
})

/** The steps of a reader that is fed until it is satisfied, as text, and what was left over. */
function read(push: (chunk: Buffer) => SocksReplyStep | ConnectReplyStep, pieces: readonly Buffer[]): string {
  for (const [index, piece] of pieces.entries()) {
    const step = push(piece)
    if (step.kind === 'more' || (step.kind === 'message' && !step.last)) continue
    const after = pieces.slice(index + 1)
    if (step.kind === 'bad') return CONTROL.test(step.why) ? `bad UNCLEAN ${step.why}` : 'bad'
    if (step.kind === 'refused') return `refused ${JSON.stringify(step.refusal)}`
    const rest = Buffer.concat([step.rest, ...after]).toString('latin1')
    return `${step.kind} ${step.kind === 'reply' ? JSON.stringify(step.reply) : step.bytes.toString('hex')} ${rest}`
  }
  return 'more'
}

test('a reply to CONNECT is understood alike however its bytes are cut', async (t) => {
  const random = seededRandom(0xc0)
  const pieces = [
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.0 407 Auth\r\n',
    'X: a\r\n',
    'Via : b\r\n',
    ' folded\r\n',
    'Proxy-Authenticate: Basic realm="a\\"b"\r\n',
    '\r\n',
    '\n',
    '\r',
    '  \t ',
    'early bytes',
    '\0',
  ]
  let replies = 0
  for (let round = 0; round < ROUNDS; round++) {
    const head = `${random.text(['HTTP/1.1 100 Continue\r\n\r\n'], 2)}${random.pick(['HTTP/1.1 200 OK\r\n', 'HTTP/1.1 403 No\r\n'])}`
    const bytes = mangled(random, [`${head}${random.text(pieces, 3)}\r\n${random.pick(pieces)}`], 1)
    const whole = read(createConnectReplyParser().push, [bytes])
    if (whole.includes('UNCLEAN')) t.fail(`${JSON.stringify(bytes.toString('latin1'))}: ${whole}`)
    if (whole.startsWith('reply')) replies++
    const cut = read(createConnectReplyParser().push, cuts(random, bytes))
    // A fault far behind may be seen before the end of the head in front of it has come; never the other way round.
    if (cut !== whole && whole !== 'bad' && cut !== 'bad')
      t.fail(`${JSON.stringify(bytes.toString('latin1'))}: whole ${whole}, cut ${cut}`)
    if (whole.startsWith('reply') && cut !== whole)
      t.fail(`${JSON.stringify(bytes.toString('latin1'))}: whole ${whole}, cut ${cut}`)
  }
  t.ok(replies > ROUNDS / 50, `${replies} replies among them`)
})

test('a SOCKS server is never taken for willing that is not, and never reads past its reply', async (t) => {
  const random = seededRandom(0x5e)
  const messages = [
    '\x05\x00',
    '\x05\x02',
    '\x01\x00',
    '\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00',
    '\x05\x00\x00\x03\x03abc\x00\x50',
    '\x05\x05\x00\x01',
    '\x00\x5a\x00\x00\x00\x00\x00\x00',
    '\x00\x5b\x00\x00\x00\x00\x00\x00',
    'rest',
  ]
  let granted = 0
  for (let round = 0; round < ROUNDS; round++) {
    const version = random.pick([4, 5] as const)
    // Each message comes by itself: a server that answers before it was asked is refused.
    const pieces = Array.from({ length: 1 + random.below(4) }, () => mangled(random, messages, 1)).filter(
      (piece) => piece.length > 0,
    )
    const reader = createSocksReplyReader(version, random.below(2) === 0)
    const outcome = read(reader.push, pieces)
    if (outcome.includes('UNCLEAN')) t.fail(`${Buffer.concat(pieces).toString('hex')}: ${outcome}`)
    if (!outcome.startsWith('message')) continue
    granted++
    const [, hex = ''] = outcome.split(' ')
    const willing =
      version === 4 ? /^005a[0-9a-f]{12}$/ : /^0500[0-9a-f]{2}(?:01[0-9a-f]{12}|04[0-9a-f]{36}|03[0-9a-f]{6,})$/
    if (!willing.test(hex)) t.fail(`version ${version}: ${hex} was taken for a yes`)
  }
  t.ok(granted > ROUNDS / 100, `${granted} tunnels among them`)
})
