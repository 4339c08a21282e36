import { inspect } from 'node:util'
import { test } from 'tap'
import { HOP_KINDS } from '../../src/contracts/route.ts'
import { parseUpstreamUrl, UpstreamUrlError } from '../../src/wire/upstream-url.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 30_000

test('any text is a hop or a clean refusal', async (t) => {
  const random = seededRandom(0x50c5)
  const pieces = [
    ...HOP_KINDS.map((kind) => `${kind}://`),
    ...'ab:@/?#[]%.\\ \t\0',
    '%40',
    '%ff',
    '%00',
    '::1',
    ':80',
    'ü',
    '?dns=local',
  ]
  let hops = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = `${random.pick(HOP_KINDS)}://${random.text(pieces, 7)}`
    try {
      const hop = parseUpstreamUrl(text)
      hops++
      const credentials = `${hop.credentials?.username}${hop.credentials?.password.reveal()}`
      if (hop.host === '' || hop.port < 1 || /[\0-\x1f]/.test(credentials)) t.fail(JSON.stringify(text))
    } catch (error) {
      if (!(error instanceof UpstreamUrlError) || error.offset < 0 || error.offset > text.length) throw error
    }
  }
  t.ok(hops > ROUNDS / 50, `${hops} hops among them`)
})

test('credentials come back as they went in, and are never shown', async (t) => {
  const random = seededRandom(0x5ec)
  const pieces = [...'aZ09:@/?#[]%\\ !$&*()"<>|^`{}~', 'ä', '€', '😀', '%41']
  for (let round = 0; round < ROUNDS / 10; round++) {
    const username = `u${random.text(pieces, 20)}`
    const password = `hunter2${random.text(pieces, 20)}`
    const login = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`
    const hop = parseUpstreamUrl(`socks5://${login}@proxy.example:1`)
    const same = hop.credentials?.username === username && hop.credentials.password.reveal() === password
    if (!same || hop.host !== 'proxy.example' || inspect(hop).includes('hunter2'))
      t.fail(JSON.stringify([username, password]))
  }
  t.pass(`${ROUNDS / 10} pairs`)
})

test('a spoilt URL never shows its password', async (t) => {
  const random = seededRandom(0xbad)
  const spoil = [...'/?#\\%[]@: \n', '%ff', '%0a', '::', 'ftp', '']
  let refused = 0
  for (let round = 0; round < ROUNDS; round++) {
    const whole = `${random.pick(HOP_KINDS)}://user:QQQQQQQQ@proxy.example:80/`
    const place = random.below(whole.length)
    const text = `${whole.slice(0, place)}${random.pick(spoil)}${whole.slice(place + random.below(3))}`
    try {
      parseUpstreamUrl(text)
    } catch (error) {
      refused++
      if (!(error instanceof UpstreamUrlError) || inspect(error).includes('QQ')) t.fail(JSON.stringify(text))
    }
  }
  t.ok(refused > ROUNDS / 4, `${refused} refused`)
})
