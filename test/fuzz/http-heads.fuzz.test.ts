import { test } from 'tap'
import { GatewayError } from '../../src/contracts/gateway-error.ts'
import { parseBasicCredentials } from '../../src/credentials/basic-credentials.ts'
import { fieldValues } from '../../src/wire/http-fields.ts'
import { readProxyRequest } from '../../src/wire/http-request-head.ts'
import { checkResponse } from '../../src/wire/http-response-head.ts'
import { parsePacResult } from '../../src/wire/pac-result.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 20_000
const NAMES = [
  'Host',
  'Connection',
  'Content-Length',
  'Transfer-Encoding',
  'TE',
  'Upgrade',
  'Via',
  'Expect',
  'Keep-Alive',
  'Proxy-Connection',
  'Proxy-Authorization',
  'Proxy-Authenticate',
  'Max-Forwards',
  'Trailer',
  'X-Own',
  'cookie',
]
const VALUES = [
  'a.test',
  'a.test:80',
  'A.TEST.',
  'b.test',
  '0',
  '3',
  '3, 3',
  '+3',
  'chunked',
  'gzip, chunked',
  'close',
  'keep-alive, x-own',
  'x-own',
  'host',
  'upgrade',
  'websocket',
  'trailers',
  '100-continue',
  '1.1 me',
  '1.1 other',
  '',
  ' ',
  '\x0b',
  'ü',
]

const fieldsOf = (random: SeededRandom) =>
  Array.from({ length: random.below(7) }, () => [random.pick(NAMES), random.pick(VALUES)]).flat()

test('a request is passed on with one Host, one framing and nothing of the hop, or refused in words', async (t) => {
  const random = seededRandom(0x4ead)
  const urls = [
    'http://a.test/',
    'http://A.test:80/x?y',
    'http://a.test',
    'a.test:443',
    '*',
    '/',
    'http://[::1]/',
    'https://a.test/',
    'http://a.test:81/',
  ]
  let passed = 0
  for (let round = 0; round < ROUNDS; round++) {
    const head = {
      method: random.pick(['GET', 'POST', 'CONNECT', 'OPTIONS', 'TRACE']),
      url: random.pick(urls),
      httpMajor: 1,
      httpMinor: random.below(2),
      fields: [...(random.below(4) > 0 ? ['Host', 'a.test'] : []), ...fieldsOf(random)],
    }
    const seen = JSON.stringify(head)
    try {
      const asked = readProxyRequest(head, 'me')
      if (asked.kind !== 'forward') continue
      passed++
      const of = (name: string) => fieldValues(asked.fields, name)
      if (of('host').length !== 1) t.fail(`Host: ${seen}`)
      if (of('content-length').length + of('transfer-encoding').length > 1) t.fail(`framing: ${seen}`)
      if (of('proxy-authorization').length + of('proxy-connection').length + of('keep-alive').length > 0)
        t.fail(`hop-by-hop: ${seen}`)
      if (!of('via').at(-1)?.endsWith(' me')) t.fail(`Via: ${seen}`)
      const nominated = fieldValues(head.fields, 'connection').join(',').includes('x-own')
      if (nominated && of('x-own').length > 0) t.fail(`nominated: ${seen}`)
    } catch (error) {
      if (!(error instanceof GatewayError) || !['BAD_REQUEST', 'LOOP_DETECTED'].includes(error.code)) throw error
      if (/[\0-\x1f\x7f]/.test(error.message)) t.fail(`message: ${seen}`)
    }
  }
  t.ok(passed > ROUNDS / 50, `${passed} passed on`)
})

test('a response is passed on with one framing and nothing of the hop, or refused in words', async (t) => {
  const random = seededRandom(0x4e5)
  let passed = 0
  for (let round = 0; round < ROUNDS; round++) {
    const head = {
      status: random.pick([200, 204, 304, 101, 99, 407, 1000]),
      reason: random.pick(['OK', '', 'a\0b', 'ü']),
      httpMajor: 1,
      httpMinor: random.below(2),
      fields: fieldsOf(random),
    }
    const checked = checkResponse(head, random.pick(['GET', 'HEAD']), 'me')
    if (typeof checked === 'string') {
      if (/[\0-\x1f\x7f]/.test(checked)) t.fail(JSON.stringify(head))
      continue
    }
    passed++
    const of = (name: string) => fieldValues(checked.fields, name).length
    if (
      of('content-length') > 1 ||
      of('transfer-encoding') + of('proxy-authenticate') + of('keep-alive') + of('upgrade') > 0
    )
      t.fail(JSON.stringify(head))
  }
  t.ok(passed > ROUNDS / 50, `${passed} passed on`)
})

test('any PAC answer gives bounded candidates without a secret in what was skipped', async (t) => {
  const random = seededRandom(0xbac)
  const pieces = [
    'PROXY ',
    'SOCKS5 ',
    'HTTPS\t',
    'DIRECT;',
    'PROXY a.test:80;',
    'SOCKS5 [::1];',
    'HTTPS 127.1:8443 ;',
    '; ',
    ';',
    'a.test',
    ':80',
    ':99999',
    'user:hunter2@',
    '[::1]',
    '127.1',
    '\n',
    '\0',
    'ü',
    ' ',
    '@',
    '/',
    'QUIC x',
  ]
  let candidates = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = random.text(pieces, 14)
    const result = parsePacResult(text)
    candidates += result.candidates.length
    for (const { entry } of result.skipped)
      if (/hunter2|[\0-\x1f\x7f]/.test(entry)) t.fail(JSON.stringify([text, entry]))
    for (const { hops } of result.candidates) {
      const [hop] = hops
      if (hop && !(/^[a-z0-9._:-]+$/.test(hop.host) && hop.port >= 0 && hop.port <= 65535))
        t.fail(JSON.stringify([text, hop]))
    }
  }
  t.ok(candidates > ROUNDS / 20, `${candidates} candidates among them`)
})

test('Basic credentials are what was encoded, or nothing', async (t) => {
  const random = seededRandom(0xba51c)
  const pieces = ['alice', ':', 'pä', '\0', '\n', '😀', '=', ' ', '"', '\ud800']
  let read = 0
  for (let round = 0; round < ROUNDS; round++) {
    const text = random.text(pieces, 6)
    const encoded = Buffer.from(text).toString('base64')
    const value = random.pick([
      `Basic ${encoded}`,
      `basic  ${encoded}`,
      `Basic ${encoded.replace(/=+$/, '')}`,
      `Basic ${encoded}!`,
      `Bearer ${encoded}`,
      encoded,
    ])
    const credentials = parseBasicCredentials(value)
    if (!credentials) continue
    read++
    const { username, password } = credentials
    if (`${username}:${password}` !== Buffer.from(text).toString('utf8') || username.includes(':'))
      t.fail(JSON.stringify([text, value]))
  }
  t.ok(read > ROUNDS / 50, `${read} read`)
})
