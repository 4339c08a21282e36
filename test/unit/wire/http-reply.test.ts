import t from 'tap'
import { ERROR_CODES, GatewayError } from '../../../src/contracts/gateway-error.ts'
import { Secret } from '../../../src/contracts/secret.ts'
import { httpReply, proxyErrorType, statusOf } from '../../../src/wire/http-reply.ts'

const field = (fields: readonly string[], name: string) => fields[fields.indexOf(name) + 1]

t.test('every code has a status, an error type of RFC 9209, and a well-formed reply', async (t) => {
  for (const code of ERROR_CODES) {
    t.ok(statusOf(code) >= 400 && statusOf(code) <= 599, code)
    t.match(proxyErrorType(code), /^[a-z_]+$/)
    const reply = httpReply(new GatewayError(code, 'what failed'))
    t.equal(reply.status, statusOf(code))
    t.match(reply.reason, /^[ -~]{1,120}$/)
    t.equal(field(reply.fields, 'Content-Length'), String(Buffer.byteLength(reply.body)))
    t.match(reply.body, new RegExp(`^Fairlead: what failed\\n[\\s\\S]*code: {3}${code}\\n`))
  }
})

t.test('the challenge goes with AUTH_REQUIRED and with nothing else', async (t) => {
  for (const code of ERROR_CODES) {
    t.equal(
      httpReply(new GatewayError(code, 'x')).fields.includes('Proxy-Authenticate'),
      code === 'AUTH_REQUIRED',
      code,
    )
  }
})

t.test('foreign words cannot forge a header or a line', async (t) => {
  const error = new GatewayError('PROXY_REFUSED', `squid said\r\nX-Evil: 1\0\x1b[31m "ü\\ ${'a'.repeat(500)}`, {
    hop: { kind: 'http', host: 'squid.corp', port: 3128 },
    said: '403 "Forbidden"',
  })
  const reply = httpReply(error)
  t.match(reply.reason, /^[ -~]{1,120}$/)
  for (const value of reply.fields) t.match(value, /^[ -~]*$/)
  t.match(
    field(reply.fields, 'Proxy-Status'),
    /^fairlead; error=destination_unavailable; next-hop="http:\/\/squid\.corp:3128"; details="squid said X-Evil: 1 \[31m \\"\?\\\\ a+\.\.\."$/,
  )
})

t.test('what the hop said is in the status line once', async (t) => {
  const said = (message: string) =>
    httpReply(new GatewayError('PROXY_REFUSED', message, { said: '403 Forbidden' })).reason
  t.equal(said('p:1 refused'), 'p:1 refused (403 Forbidden)')
  t.equal(said('p:1 refused: 403 Forbidden'), 'p:1 refused: 403 Forbidden')
})

t.test('the only attempt is not told twice', async (t) => {
  const refused = new GatewayError('CONNECT_REFUSED', 'a.example:80 refused the connection')
  const error = new GatewayError('CONNECT_REFUSED', refused.message, {
    attempts: [{ candidate: { hops: [] }, error: refused }],
  })
  t.notMatch(httpReply(error).body, /tried:/)
})

t.test('JSON where it is asked for, with every attempt and no secret', async (t) => {
  const credentials = { username: 'u', password: new Secret('hidden') }
  const hop = { kind: 'socks5' as const, host: '2001:db8::1', family: 6 as const, port: 1080, credentials }
  const refused = new GatewayError('CONNECT_REFUSED', 'refused', {
    hop: { kind: 'socks5', host: hop.host, port: 1080 },
  })
  const error = new GatewayError('CONNECT_TIMEOUT', 'timed out', {
    hop: { kind: 'target', host: '2001:db8::2', port: 443 },
    attempts: [
      { candidate: { hops: [hop] }, error: refused },
      { candidate: { hops: [] }, error: new GatewayError('CONNECT_TIMEOUT', 'timed out') },
    ],
  })
  for (const accept of ['application/json', 'text/html, application/problem+json;q=0.9', 'APPLICATION/JSON']) {
    const reply = httpReply(error, { accept, asked: 'GET http://a/', flowId: 'f1' })
    t.equal(field(reply.fields, 'Content-Type'), 'application/json')
    t.match(JSON.parse(reply.body), {
      error: {
        code: 'CONNECT_TIMEOUT',
        status: 504,
        asked: 'GET http://a/',
        flow: 'f1',
        attempts: [{ route: 'socks5://[2001:db8::1]:1080', code: 'CONNECT_REFUSED' }, { route: 'direct' }],
      },
    })
    t.notMatch(reply.body, /hidden/)
  }
  const text = httpReply(error, { accept: '*/*' })
  t.match(
    text.body,
    /hop: {4}\[2001:db8::2\]:443\n[\s\S]*tried: {2}socks5:\/\/\[2001:db8::1\]:1080: refused\ntried: {2}direct: timed out\n/,
  )
  t.notMatch(text.body, /hidden/)
})

t.test('a finer status keeps the code', async (t) => {
  t.match(httpReply(new GatewayError('BAD_REQUEST', 'too large'), { status: 431 }), {
    status: 431,
    reason: 'too large',
  })
})
