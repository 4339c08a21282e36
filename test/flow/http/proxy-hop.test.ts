import t from 'tap'
import { Secret } from '../../../src/contracts/secret.ts'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const hop = { kind: 'http' as const, host: 'squid.test', family: 0 as const, port: 3128 }
const candidate = {
  hops: [{ ...hop, credentials: { username: 'ü:ser'.replace(':', ''), password: new Secret('p:w') } }],
}
const get = (url: string, host: string, fields = '') => `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`

t.test('through an HTTP proxy requests go in absolute-form, with its credentials and nobody else’s', async (t) => {
  const rig = await startRig(t, { candidate })
  const client = rig
    .client()
    .send(
      get(
        'http://A.test:80//evil.test/x?y#'.replace('#', ''),
        'a.test',
        'X-B: 1\r\nX-A: 2\r\nX-B: 3\r\nProxy-Authorization: Basic abc\r\n',
      ),
    )
  await client.gets('ok')
  const basic = Buffer.from('üser:p:w').toString('base64')
  t.match(rig.origin.bytes, /^GET http:\/\/a\.test\/\/evil\.test\/x\?y HTTP\/1\.1\r\n/)
  t.match(rig.origin.bytes, `\r\nProxy-Authorization: Basic ${basic}\r\n`)
  t.equal(rig.origin.bytes.match(/proxy-authorization/gi)?.length, 1)
  t.match(rig.origin.bytes, /\r\nHost: a\.test\r\n[\s\S]*X-B: 1\r\n[\s\S]*X-B: 3\r\n/)
  t.notMatch(rig.origin.bytes, /Proxy-Connection/i)
  t.same(rig.dials, ['hop squid.test:3128'])
})

t.test('one connection to the proxy serves different targets', async (t) => {
  const rig = await startRig(t, { candidate })
  const client = rig.client().send(get('http://a.test/', 'a.test'))
  await client.gets('ok')
  client.send(get('http://b.test:8080/', 'b.test:8080'))
  await client.gets(/ok[\s\S]*ok/)
  t.equal(rig.origin.connections.length, 1)
  t.match(rig.origin.bytes, /GET http:\/\/b\.test:8080\/ HTTP/)
})

t.test('OPTIONS without a path stays without one, Expect and bodies pass', async (t) => {
  const rig = await startRig(t, { candidate })
  const client = rig.client().send('OPTIONS http://a.test HTTP/1.1\r\nHost: a.test\r\n\r\n')
  await client.gets('ok')
  t.match(rig.origin.bytes, /^OPTIONS http:\/\/a\.test HTTP\/1\.1\r\n/)
  rig.origin.onData = ({ socket, bytes }) => {
    if (bytes.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
    if (bytes.endsWith('hello')) socket.write('HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n')
  }
  const post = rig
    .client()
    .send('POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  await post.gets('100 Continue')
  post.send('hello')
  await post.gets('201 Made')
  t.match(
    rig.origin.bytes,
    /POST http:\/\/a\.test\/ HTTP\/1\.1\r\n[\s\S]*Expect: 100-continue\r\n[\s\S]*\r\n\r\nhello$/,
  )
})

t.test('a 407 of the proxy is the gateway’s trouble, told without its challenge', async (t) => {
  const rig = await startRig(t, { candidate })
  rig.origin.answers(
    'HTTP/1.1 407 Nope\r\nProxy-Authenticate: Basic realm="squid"\r\nProxy-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nno',
  )
  const answer = await rig.client().send(get('http://a.test/', 'a.test')).gets('flow:')
  t.match(
    answer,
    /^HTTP\/1\.1 502 HTTP proxy squid\.test:3128 did not accept the user name and password; it offers Basic, NTLM/,
  )
  t.notMatch(answer, /Proxy-Authenticate|p:w/)
  t.match(answer, /code: {3}PROXY_AUTH_FAILED/)
  await until('the exchange is recorded', () => rig.results.length === 1)
  t.match(rig.results[0], {
    status: 502,
    error: { code: 'PROXY_AUTH_FAILED', hop: { kind: 'http', host: 'squid.test' } },
  })
})

const NO_HTTP_PROXY: readonly (readonly [what: string, bytes: string, expected: RegExp])[] = [
  [
    'an SSH server',
    'SSH-2.0-OpenSSH_9.2\r\n',
    /^HTTP\/1\.1 502 HTTP proxy squid\.test:3128 did not answer in HTTP: it looks like an SSH server\r\n[\s\S]*try: {4}Check the address of the proxy and its kind[\s\S]*code: {3}PROXY_PROTOCOL_ERROR/,
  ],
  [
    'a TLS server',
    '\x15\x03\x01\x00\x02\x02\x46',
    /^HTTP\/1\.1 502 [^\r]*it looks like a TLS server\r\n[\s\S]*code: {3}PROXY_PROTOCOL_ERROR/,
  ],
  [
    'one that closes without a word',
    '',
    /^HTTP\/1\.1 502 HTTP proxy squid\.test:3128 closed [^\r]*\r\n[\s\S]*try: {4}[^\r\n]*https:\/\/ where it speaks TLS[\s\S]*code: {3}CONNECT_RESET/,
  ],
]
for (const [what, bytes, expected] of NO_HTTP_PROXY) {
  t.test(`instead of an HTTP proxy there is ${what}`, async (t) => {
    const rig = await startRig(t, { candidate })
    rig.origin.onData = ({ socket }) => void socket.end(Buffer.from(bytes, 'latin1'))
    t.match(await rig.client().send(get('http://a.test/', 'a.test')).gets('flow:'), expected)
  })
}

t.test('a page that the proxy has written itself does not pass for the origin’s', async (t) => {
  const rig = await startRig(t, { candidate })
  rig.origin.onData = ({ socket }) => {
    socket.write('HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 3\r\n\r\nno!')
  }
  const client = rig.client().send(get('http://a.test/', 'a.test'))
  await client.gets(/^HTTP\/1\.1 502 [\s\S]*refused a\.test:80: 403 Forbidden; X-Squid-Error: ERR_ACCESS_DENIED 0/)
  t.notMatch(client.received, 'no!')
})

t.test('an origin’s own refusal passes a proxy as it is', async (t) => {
  const rig = await startRig(t, { candidate })
  rig.origin.onData = ({ socket }) => {
    socket.write('HTTP/1.1 403 Forbidden\r\nVia: 1.1 squid\r\nContent-Length: 3\r\n\r\nno!')
  }
  await rig
    .client()
    .send(get('http://a.test/', 'a.test'))
    .gets(/^HTTP\/1\.1 403 Forbidden[\s\S]*no!$/)
})
