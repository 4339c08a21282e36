import t from 'tap'
import { describeRefusal, offeredSchemes } from '../../../src/wire/connect-refusal.ts'
import {
  type ConnectReplyStep,
  createConnectReplyParser,
  formatConnectRequest,
} from '../../../src/wire/http-connect.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

const OK = 'HTTP/1.1 200 Connection established\r\n\r\n'

function parse(text: string | Buffer, limit?: number): ConnectReplyStep {
  return createConnectReplyParser(limit).push(Buffer.from(text as string, 'latin1'))
}

function summary(step: ConnectReplyStep): string {
  if (step.kind === 'bad') return `bad: ${step.why}`
  return step.kind === 'more'
    ? 'more'
    : `${step.reply.status} "${step.reply.reason}" rest=${step.rest.toString('latin1')}`
}

t.test('requests', (t) => {
  t.equal(
    formatConnectRequest({ host: 'registry.example', family: 0, port: 443 }, 'Fairlead/1', 'Basic eDp5'),
    'CONNECT registry.example:443 HTTP/1.1\r\nHost: registry.example:443\r\nUser-Agent: Fairlead/1\r\nProxy-Authorization: Basic eDp5\r\n\r\n',
  )
  t.equal(
    formatConnectRequest({ host: '2001:db8::1', family: 6, port: 80 }, 'F'),
    'CONNECT [2001:db8::1]:80 HTTP/1.1\r\nHost: [2001:db8::1]:80\r\nUser-Agent: F\r\n\r\n',
  )
  t.end()
})

t.test('replies that are understood', (t) => {
  const rows: readonly [text: string, expected: string][] = [
    [OK, '200 "Connection established" rest='],
    ['HTTP/1.0 200 OK\r\n\r\n', '200 "OK" rest='],
    ['HTTP/1.1 200\r\n\r\n', '200 "" rest='],
    ['HTTP/1.1 200 \r\n\r\n', '200 "" rest='],
    ['HTTP/1.1 204 No Content\r\n\r\n', '204 "No Content" rest='],
    [`${OK}SSH-2.0-x\r\n`, '200 "Connection established" rest=SSH-2.0-x\r\n'],
    // RFC 9110 §9.3.6: framing fields of a 2xx are ignored; what follows is the tunnel.
    ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', '200 "OK" rest=hello'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', '200 "OK" rest=0\r\n\r\n'],
    [`HTTP/1.1 100 Continue\r\n\r\n${OK}x`, '200 "Connection established" rest=x'],
    [
      `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${OK}`,
      '200 "Connection established" rest=',
    ],
    [
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n',
      '407 "Proxy Authentication Required" rest=',
    ],
    ['HTTP/1.1 599 caf\xe9\tx\r\n\r\n', '599 "caf\xe9\tx" rest='],
  ]
  for (const [text, expected] of rows) {
    t.equal(summary(parse(text)), expected, JSON.stringify(text))
    const parser = createConnectReplyParser()
    const end = text.length - expected.slice(expected.indexOf('rest=') + 5).length
    for (let index = 0; index < end - 1; index++) {
      t.equal(parser.push(Buffer.from(text[index]!, 'latin1')).kind, 'more', `byte ${index} of ${JSON.stringify(text)}`)
    }
    t.equal(summary(parser.push(Buffer.from(text.slice(end - 1), 'latin1'))), expected, 'the same byte by byte')
  }
  t.end()
})

t.test('replies that are refused, as early as they can be', (t) => {
  const rows: readonly [text: string | Buffer, why: RegExp][] = [
    ['H2', /did not answer in HTTP\/1$/],
    ['HTTP/2 200 OK\r\n\r\n', /HTTP\/1/],
    ['HTTP/1.2 200 OK\r\n\r\n', /malformed status line/],
    ['HTTP/1.1  200 OK\r\n\r\n', /malformed status line/],
    ['HTTP/1.1 20 OK\r\n\r\n', /malformed status line/],
    ['HTTP/1.1 2000 OK\r\n\r\n', /malformed status line/],
    ['HTTP/1.1 099 OK\r\n\r\n', /malformed status line/],
    ['HTTP/1.1 200 O\x00K\r\n\r\n', /malformed status line/],
    ['HTTP/1.1 200 OK\rx\r\n\r\n', /malformed status line/],
    ['HTTP/1.1 200 OK\r\nno colon\r\n\r\n', /malformed header line: no colon/],
    ['HTTP/1.1 200 OK\r\nA : b\r\n\r\n', /malformed header line/],
    ['HTTP/1.1 200 OK\r\n: b\r\n\r\n', /malformed header line/],
    ['HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n', /malformed header line/],
    ['HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n', /malformed header line/],
    ['HTTP/1.1 200 OK\nA: b\n\n', /do not end in CR LF/],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', /101/],
    ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(9), /more than 8 interim/],
    ['\x15\x03\x01\x00\x02\x02\x28', /looks like a TLS server/],
    ['\x05\x00', /looks like a SOCKS5 proxy/],
    ['\x00\x5b', /looks like a SOCKS4 proxy/],
    ['SSH-2.0-OpenSSH_9.2\r\n', /looks like an SSH server/],
    ['220 mail.example ESMTP\r\n', /looks like a mail or FTP server/],
    ['<html><body>', /looks like a server that sends a page/],
    ['\x00\x00\x12\x04\x00\x00\x00\x00\x00', /looks like an HTTP\/2 server/],
  ]
  for (const [text, why] of rows) {
    const step = parse(text)
    t.equal(step.kind, 'bad', JSON.stringify(text))
    t.match(step.kind === 'bad' ? step.why : '', why)
  }
  t.end()
})

t.test('the limit counts all heads together, and holds without an end in sight', (t) => {
  const long = `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(200)}\r\n`
  t.match(summary(parse(long, 100)), /longer than 100 bytes/)
  t.match(summary(parse(`${long}\r\n`, 100)), /longer than 100 bytes/)
  const twice = 'HTTP/1.1 100 Continue\r\n\r\n'
  t.match(summary(parse(`${twice}${twice}${OK}`, 60)), /longer than 60 bytes/)
  t.equal(summary(parse(OK, OK.length)), '200 "Connection established" rest=')
  const parser = createConnectReplyParser(1000)
  parser.push(Buffer.from('HTTP/1.1 200 OK\r\n'))
  let pushed = 17
  for (let step = parser.push(Buffer.from('A: b\r\n')); step.kind === 'more'; pushed += 6)
    step = parser.push(Buffer.from('A: b\r\n'))
  t.ok(pushed <= 1012, `stopped after ${pushed} bytes`)
  t.end()
})

t.test('whatever comes, however it is cut: an answer, no exception, and the same answer', (t) => {
  const random = seededRandom(9110)
  const pieces = [
    'HTTP/1.1 200 OK',
    'HTTP/1.1 100 x',
    '\r\n',
    '\n',
    '\r',
    'A: b',
    ':',
    ' ',
    '\x00',
    'HTTP/1.',
    '\x16\x03',
    'é',
    '407',
    'x'.repeat(50),
  ]
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.from(random.text(pieces, 12), 'latin1')
    const whole = createConnectReplyParser(300).push(bytes)
    const parser = createConnectReplyParser(300)
    let step: ConnectReplyStep = { kind: 'more' }
    let at = 0
    while (at < bytes.length && step.kind === 'more') {
      const next = at + 1 + random.below(bytes.length - at)
      step = parser.push(bytes.subarray(at, next))
      at = next
    }
    if (whole.kind === 'reply' && step.kind === 'reply') {
      const total = Buffer.concat([step.rest, bytes.subarray(at)])
      if (!total.equals(whole.rest) || step.reply.status !== whole.reply.status)
        t.fail(JSON.stringify(bytes.toString('latin1')))
    } else if (whole.kind !== step.kind) {
      t.fail(`${whole.kind} whole, ${step.kind} in pieces: ${JSON.stringify(bytes.toString('latin1'))}`)
    }
  }
  t.pass('3000 rounds')
  t.end()
})

t.test('what a refusal says', (t) => {
  const rows: readonly [head: string, body: string, said: string][] = [
    ['403 Forbidden\r\n', '', '403 Forbidden'],
    ['403 Forbidden\r\nContent-Type: text/plain\r\n', 'blocked by\r\nrule 7', '403 Forbidden; "blocked by rule 7"'],
    [
      '503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\nContent-Type: text/html\r\n',
      '<html><head><title>ERROR: The requested\nURL could not be retrieved</title><style>…',
      '503 Service Unavailable; X-Squid-Error: ERR_CONNECT_FAIL 111; "ERROR: The requested URL could not be retrieved"',
    ],
    [
      '502 Bad Gateway\r\nProxy-Status: edge; error=dns_error\r\n',
      '',
      '502 Bad Gateway; Proxy-Status: edge; error=dns_error',
    ],
    [
      '500 x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n',
      '5\r\nhello\r\n0\r\n\r\n',
      '500 x; "hello"',
    ],
    ['500 x\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n', '\x1f\x8b', '500 x'],
    ['500 x\r\nContent-Type: application/octet-stream\r\n', 'zzzz', '500 x'],
    ['500 a\x80\xffb\r\n', '', '500 a??b'],
  ]
  for (const [head, body, said] of rows) {
    const step = parse(`HTTP/1.1 ${head}\r\n${body}`)
    if (step.kind !== 'reply') throw new Error(summary(step))
    t.equal(describeRefusal(step.reply, step.rest), said)
  }
  const step = parse(`HTTP/1.1 500 ${'x'.repeat(5000)}\r\nContent-Type: text/plain\r\n\r\n${'y'.repeat(50_000)}`)
  t.ok(step.kind === 'reply' && describeRefusal(step.reply, step.rest).length < 400, 'bounded')
  t.end()
})

t.test('schemes offered in a 407', (t) => {
  const rows: readonly [values: readonly string[], schemes: readonly string[]][] = [
    [['Basic realm="x"'], ['Basic']],
    [
      ['NTLM', 'Negotiate', 'Basic realm="a, Digest b"'],
      ['NTLM', 'Negotiate', 'Basic'],
    ],
    [['Digest realm="x", nonce="y", qop=auth, Basic realm="z"'], ['Digest', 'Basic']],
    [['Negotiate YII='], ['Negotiate']],
    [[], []],
    [['"; drop'], []],
  ]
  for (const [values, schemes] of rows) {
    const fields = values.map((value) => ['proxy-authenticate', value] as const)
    t.same(offeredSchemes({ status: 407, reason: '', fields }), schemes, values.join(' | '))
  }
  t.end()
})
