import t from 'tap'
import { GatewayError } from '../../../src/contracts/gateway-error.ts'
import { type ForwardRequest, readProxyRequest } from '../../../src/wire/http-request-head.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

const read = (method: string, url: string, fields: string[], httpMinor = 1) =>
  readProxyRequest({ method, url, httpMajor: 1, httpMinor, fields }, 'me')

t.test('the kinds of request', async (t) => {
  t.same(read('CONNECT', 'A.test:443', ['Host', 'a.test:443']), {
    kind: 'connect',
    target: { host: 'a.test', family: 0, port: 443 },
  })
  t.same(read('OPTIONS', '*', ['Host', 'x']), { kind: 'own', method: 'OPTIONS' })
  t.same(read('TRACE', 'http://a.test/', ['Host', 'a.test', 'Max-Forwards', '0']), { kind: 'own', method: 'TRACE' })
  t.match(read('GET', 'http://127.1:81/x', ['Host', '0x7f000001:81']), {
    kind: 'forward',
    target: { host: '127.0.0.1', family: 4, port: 81 },
    path: '/x',
    fields: ['Host', '127.0.0.1:81', 'Via', '1.1 me'],
    expectsContinue: false,
    bindsConnection: false,
  })
})

t.test('Max-Forwards has a say for TRACE and OPTIONS only', async (t) => {
  const get = read('GET', 'http://a.test/', ['Host', 'a.test', 'Max-Forwards', '0']) as ForwardRequest
  t.equal(get.fields[3], '0')
  const options = read('OPTIONS', 'http://a.test/', ['Host', 'a.test', 'Max-Forwards', '3']) as ForwardRequest
  t.equal(options.fields[3], '2')
})

t.test('authentication that binds connections is seen', async (t) => {
  for (const [value, binds] of [
    ['NTLM abc', true],
    ['negotiate abc', true],
    ['Basic abc', false],
    ['Bearer ntlm', false],
  ] as const) {
    t.match(
      read('GET', 'http://a.test/', ['Host', 'a.test', 'Authorization', value]),
      { bindsConnection: binds },
      value,
    )
  }
})

t.test('Expect', async (t) => {
  const expecting = ['Host', 'a.test', 'Expect', '100-Continue']
  t.match(read('POST', 'http://a.test/', expecting), { expectsContinue: true })
  const old = read('POST', 'http://a.test/', expecting, 0) as ForwardRequest
  t.equal(old.expectsContinue, false)
  t.notOk(old.fields.includes('Expect'), 'HTTP/1.0 knows none, so none is sent on')
  t.throws(() => read('POST', 'http://a.test/', ['Host', 'a.test', 'Expect', '100-continue, x']), /Expect/)
})

t.test(
  'whatever comes, it is read or refused with a GatewayError, and goes out with one Host and one framing',
  async (t) => {
    const random = seededRandom(20)
    const { pick } = random
    const methods = ['GET', 'POST', 'CONNECT', 'OPTIONS', 'TRACE', 'HEAD']
    const urls = [
      'http://a.test/',
      'http://a.test',
      '*',
      '/',
      'a.test:80',
      'https://a.test/',
      'http://[::1]/',
      'http://a.test:81?x',
      'HTTP://A.TEST/',
      '',
    ]
    const names = [
      'Host',
      'host',
      'Content-Length',
      'Transfer-Encoding',
      'Connection',
      'Upgrade',
      'TE',
      'Via',
      'Expect',
      'Trailer',
      'Max-Forwards',
      'X-Y',
    ]
    const values = [
      'a.test',
      'a.test:80',
      '0',
      '5',
      'chunked',
      'gzip',
      'close',
      'upgrade',
      'x-y',
      'host',
      'trailers',
      '100-continue',
      '1.1 me',
      '',
      ',',
      '[::1]',
    ]
    let passed = 0
    for (let i = 0; i < 20_000; i++) {
      const fields: string[] = random.next() < 0.7 ? ['Host', 'a.test'] : []
      for (let n = random.below(5); n > 0; n--) fields.push(pick(names), pick(values))
      try {
        const request = read(pick(methods), pick(urls), fields, random.next() < 0.8 ? 1 : 0)
        if (request.kind !== 'forward') continue
        passed++
        const out = request.fields.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
        const count = (name: string) => out.filter((other) => other === name).length
        if (
          count('host') !== 1 ||
          count('content-length') + count('transfer-encoding') > 1 ||
          count('connection') > 1
        ) {
          t.fail(`bad output for ${JSON.stringify(fields)}: ${JSON.stringify(request.fields)}`)
        }
      } catch (thrown) {
        if (!(thrown instanceof GatewayError)) throw thrown
      }
    }
    t.ok(passed > 500, `${passed} passed`)
  },
)
