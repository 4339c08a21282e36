import { test } from 'tap'
import { parseBasicCredentials } from '../../src/credentials/basic-credentials.ts'
import { describeRefusal, offeredSchemes } from '../../src/wire/connect-refusal.ts'
import { parseExcludeList, readExcludeList } from '../../src/wire/exclude-list.ts'
import { compileGlob } from '../../src/wire/glob.ts'
import { createConnectReplyParser } from '../../src/wire/http-connect.ts'
import { readProxyRequest } from '../../src/wire/http-request-head.ts'
import { checkResponse } from '../../src/wire/http-response-head.ts'
import { maskAnyUserInfo, maskUserInfo } from '../../src/wire/mask-user-info.ts'
import { parsePacResult } from '../../src/wire/pac-result.ts'
import { parseAuthority, targetFromHost, targetFromUrl } from '../../src/wire/target.ts'
import { parseUpstreamUrl } from '../../src/wire/upstream-url.ts'

/** Everything else in the process waits while one input is read. Milliseconds; a parser that is linear takes a tenth of this. */
const STALL_MS = 50
/** Characters. What stands around them is still within 64 KiB: the default of `limits.requestHead`, the limit of CONNECT replies and PAC answers. */
const HEAD = 60 * 1024

/**
 * The best of several, in CPU time where that is less: a busy machine or a cold start makes one run slow, an algorithm makes all of them slow. What the
 * machine gave to others meanwhile is none of the reader's time; what other threads of this process used (the collector's) would count double.
 */
function fastest(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < 10 && best > STALL_MS / 5; run++) {
    const start = performance.now()
    const cpu = process.cpuUsage()
    try {
      work()
    } catch {
      // A refusal is as good an answer as any, if it comes in time.
    }
    const { user, system } = process.cpuUsage(cpu)
    best = Math.min(best, performance.now() - start, (user + system) / 1000)
  }
  return best
}

/** Runs of characters, alone and before one that does not belong: what backtracking and repeated scanning are slow at. */
const RUNS: readonly string[] = [
  ' ', '\t', ' \t', ',', ', ', ';', '.', 'a.', '1.', '0.', ':', '::', '[', ']', '@', 'a@', '/', '\\', '"', '"\\', '\\"',
  '%', '%61', '*', '*a', '*.', '-', '0', '0x', '1', 'a', 'a,', 'a ', 'a b,', 'ü', '。', 'xn--', 'é。', '<', '<title', '\r', '\n', '\r\n',
  '://', 'a://', 'http://', 'a=', 'Basic ', '\u00df', 'ﷺ',
] // biome-ignore format: a table of runs
const ENDS: readonly string[] = ['', 'b', '\r', '\n', '@', '!', '"', ' b', ':', '\0', '=']

function* hostileTexts(length: number): Generator<string> {
  for (const run of RUNS) {
    const long = run.repeat(Math.ceil(length / run.length)).slice(0, length - 2)
    for (const end of ENDS) {
      yield `${long}${end}`
      yield `x${long}${end}`
    }
  }
}

const requestWith = (fields: readonly string[], url = 'http://a.test/', method = 'GET') =>
  readProxyRequest({ method, url, httpMajor: 1, httpMinor: 1, fields: ['Host', 'a.test', ...fields] }, 'me')

const responseWith = (fields: readonly string[]) =>
  checkResponse({ status: 200, reason: 'OK', httpMajor: 1, httpMinor: 1, fields }, 'GET', 'me')

/** Each reader with a text of the length it can be given. */
const READERS: ReadonlyArray<readonly [what: string, length: number, read: (text: string) => unknown]> = [
  ['CONNECT target', HEAD, (text) => parseAuthority(text)],
  ['host of SOCKS', 255, (text) => targetFromHost(text, 80)],
  ['absolute-form', HEAD, (text) => targetFromUrl(`http://${text}`)],
  ['absolute-form, path', HEAD, (text) => targetFromUrl(`http://a.test/${text}`)],
  ['request-target', HEAD, (text) => requestWith([], text)],
  ['Host', HEAD, (text) => readProxyRequest({ method: 'CONNECT', url: 'a.test:1', httpMajor: 1, httpMinor: 1, fields: ['Host', text] }, 'me')],
  ['Connection', HEAD, (text) => requestWith(['Connection', text])],
  ['Via', HEAD, (text) => requestWith(['Via', text])],
  ['Via, one member', HEAD, (text) => requestWith(['Via', text.replaceAll(',', ' ')])],
  ['Upgrade', HEAD, (text) => requestWith(['Connection', 'upgrade', 'Upgrade', text])],
  ['Expect', HEAD, (text) => requestWith(['Expect', text])],
  ['Content-Length', HEAD, (text) => requestWith(['Content-Length', text])],
  ['Transfer-Encoding', HEAD, (text) => requestWith(['Transfer-Encoding', text])],
  ['Max-Forwards', HEAD, (text) => requestWith(['Max-Forwards', text], 'http://a.test/', 'TRACE')],
  ['Authorization', HEAD, (text) => requestWith(['Authorization', text])],
  ['Basic credentials', HEAD, (text) => parseBasicCredentials(`Basic ${text}`)],
  ['Basic credentials, without a scheme', HEAD, (text) => parseBasicCredentials(text)],
  ['response Connection', HEAD, (text) => responseWith(['Connection', text])],
  ['CONNECT reply, anything', HEAD, (text) => createConnectReplyParser().push(Buffer.from(text, 'latin1'))],
  ['CONNECT reply, reason', HEAD, (text) => createConnectReplyParser().push(Buffer.from(`HTTP/1.1 200 ${text}\r\n\r\n`, 'latin1'))],
  ['CONNECT reply, value', HEAD, (text) => createConnectReplyParser().push(Buffer.from(`HTTP/1.1 200 OK\r\nX:${text}\r\n\r\n`, 'latin1'))],
  ['CONNECT reply, name', HEAD, (text) => createConnectReplyParser().push(Buffer.from(`HTTP/1.1 200 OK\r\n${text}: x\r\n\r\n`, 'latin1'))],
  ['challenge', HEAD, (text) => offeredSchemes({ status: 407, reason: '', fields: [['proxy-authenticate', text]] })],
  ['error page', HEAD, (text) => describeRefusal({ status: 403, reason: text, fields: [['content-type', 'text/html'], ['x-squid-error', text]] }, Buffer.from(text))],
  ['error page, chunked', HEAD, (text) => describeRefusal({ status: 403, reason: 'x', fields: [['content-type', 'text/plain'], ['transfer-encoding', 'chunked']] }, Buffer.from(text))],
  ['PAC answer', HEAD, (text) => parsePacResult(text)],
  ['PAC answer, host', HEAD, (text) => parsePacResult(`PROXY ${text}`)],
  ['upstream URL', HEAD, (text) => parseUpstreamUrl(`http://${text}`)],
  ['upstream URL, user', 8000, (text) => parseUpstreamUrl(`http://${text}@proxy.test`)],
  ['exclude list', 8000, (text) => readExcludeList(text)],
  ['masking', 8000, (text) => [maskUserInfo(text), maskAnyUserInfo(text)]],
] // biome-ignore format: one reader a line

for (const [what, length, read] of READERS) {
  test(`${what}: no text of ${length} characters takes longer than ${STALL_MS} ms`, async (t) => {
    let worst = 0
    for (const text of hostileTexts(length)) {
      const took = fastest(() => read(text))
      worst = Math.max(worst, took)
      if (took > STALL_MS) {
        t.fail(`${took.toFixed(0)} ms for ${JSON.stringify(text.slice(0, 12))} … ${JSON.stringify(text.slice(-3))}`)
        return
      }
    }
    t.ok(worst <= STALL_MS, `the worst took ${worst.toFixed(1)} ms`)
  })
}

test('many fields are read as quickly as long ones', async (t) => {
  const many = (name: (index: number) => string, value: string, count: number) =>
    Array.from({ length: count }, (_, index) => [name(index), value]).flat()
  const options = Array.from({ length: 9_000 }, (_, index) => `x${index}`).join(',')
  const connection = ['Connection', options, ...many((index) => `y${index}`, '', 990)]
  const heads: ReadonlyArray<readonly [what: string, read: () => unknown]> = [
    ['10,000 fields', () => requestWith(many((index) => `x${index}`, '1', 10_000))],
    ['10,000 fields in a response', () => responseWith(many((index) => `x${index}`, '1', 10_000))],
    ['10,000 Connection fields', () => requestWith(many(() => 'Connection', 'a', 10_000))],
    ['Connection nominating thousands', () => requestWith(connection)],
    ['a response nominating thousands', () => responseWith(connection)],
    ['nominating one thing over and over', () => requestWith(['Connection', 'a,'.repeat(30_000), ...many(() => 'y', '', 990)])],
    ['10,000 fields of a CONNECT reply', () => createConnectReplyParser().push(Buffer.from(`HTTP/1.1 200 OK\r\n${'X:1\r\n'.repeat(10_000)}\r\n`))],
    ['10,000 challenges', () => offeredSchemes({ status: 407, reason: '', fields: Array.from({ length: 10_000 }, (_, index) => ['proxy-authenticate', `s${index}`] as const) })],
    ['31 challenges of unclosed quotes', () => offeredSchemes({ status: 407, reason: '', fields: Array.from({ length: 31 }, () => ['proxy-authenticate', '"\\'.repeat(1024)] as const) })],
    ['10,000 PAC entries', () => parsePacResult('PROXY a;'.repeat(8_000))],
  ] // biome-ignore format: one head a line
  for (const [what, read] of heads) {
    const took = fastest(read)
    t.ok(took <= STALL_MS, `${what}: ${took.toFixed(1)} ms`)
  }
})

test('an exclude list of 10,000 entries of each kind answers at once for any name', async (t) => {
  const kinds: ReadonlyArray<readonly [what: string, entry: (index: number) => string]> = [
    ['names', (index) => `host${index}.example`],
    ['suffixes', (index) => `*.zone${index}.example`],
    ['globs', (index) => `*a${index}*b*`],
    ['globs of many pieces', (index) => `${'*a'.repeat(20)}*${index}`],
    ['blocks', (index) => `10.${index >> 8}.${index & 255}.0/${16 + (index % 17)}`],
    ['IPv6 blocks', (index) => `2001:db8:${(index % 65536).toString(16)}::/${48 + (index % 80)}`],
  ]
  const label = 'a'.repeat(63)
  const hosts = [
    `${label}.${label}.${label}.${'a'.repeat(61)}`,
    'a.'.repeat(126).concat('a'),
    '10.9.9.9',
    '2001:db8:99::1',
    'b'.repeat(63),
  ]
  for (const [what, entry] of kinds) {
    const list = parseExcludeList(Array.from({ length: 10_000 }, (_, index) => entry(index)))
    for (const host of hosts) {
      const target = targetFromHost(host, 443)
      const took = fastest(() => list.match(target, 'https'))
      t.ok(took <= STALL_MS, `${what} on ${host.slice(0, 12)}…: ${took.toFixed(1)} ms`)
    }
  }
})

test('a glob of any shape is linear', async (t) => {
  const text = 'ab'.repeat(126)
  for (const glob of ['*a'.repeat(500), `${'*ab'.repeat(300)}*c`, `${'a*'.repeat(400)}b`, `*${'ab'.repeat(120)}c*`]) {
    const matches = compileGlob(glob)
    const took = fastest(() => {
      for (let round = 0; round < 1000; round++) matches(text)
    })
    t.ok(took <= STALL_MS, `${glob.slice(0, 8)}…, a thousand times: ${took.toFixed(1)} ms`)
  }
})
