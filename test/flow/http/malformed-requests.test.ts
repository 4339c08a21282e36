import t from 'tap'
import { startRig } from './rig.ts'

/**
 * What a client sends, and the status it must get. In no case does the origin see a byte of it: a request is passed on whole and with one
 * reading, or not at all.
 */
const REFUSED: ReadonlyArray<readonly [what: string, request: string, status: number]> = [
  // request line
  ['garbage', 'garbage\r\n\r\n', 400],
  ['a TLS ClientHello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ['no version', 'GET http://a.test/\r\n\r\n', 400],
  ['version 0.9', 'GET http://a.test/ HTTP/0.9\r\nHost: a.test\r\n\r\n', 400],
  ['version 1.2', 'GET http://a.test/ HTTP/1.2\r\nHost: a.test\r\n\r\n', 400],
  ['version 2.0', 'GET http://a.test/ HTTP/2.0\r\nHost: a.test\r\n\r\n', 400],
  ['lower-case method', 'get http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 501],
  ['unknown method', 'FETCH http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 501],
  ['a blank in the target', 'GET http://a.test/a b HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['NUL in the target', 'GET http://a.test/\0 HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['bare CR in the target', 'GET http://a.test/\r HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  // request-target
  ['origin-form', 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['scheme-relative', 'GET //a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['https in clear', 'GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['ftp', 'GET ftp://a.test/f HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['file', 'GET file:///etc/passwd HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['no host', 'GET http:/// HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['one slash', 'GET http:/a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['user information', 'GET http://u:p@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['user information that hides the host', 'GET http://a.test@b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['fragment', 'GET http://a.test/#f HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['port 0', 'GET http://a.test:0/ HTTP/1.1\r\nHost: a.test:0\r\n\r\n', 400],
  ['port 65536', 'GET http://a.test:65536/ HTTP/1.1\r\nHost: a.test:65536\r\n\r\n', 400],
  ['backslash for slash', 'GET http://a.test\\b.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['percent-encoded host', 'GET http://a%2etest/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['IPv6 with a zone', 'GET http://[fe80::1%25eth0]/ HTTP/1.1\r\nHost: [fe80::1%25eth0]\r\n\r\n', 400],
  ['GET *', 'GET * HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['authority-form without CONNECT', 'GET a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n', 400],
  // Host
  ['no Host', 'GET http://a.test/ HTTP/1.1\r\n\r\n', 400],
  ['empty Host', 'GET http://a.test/ HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['two Hosts', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n', 400],
  ['two different Hosts', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n', 400],
  ['two Hosts in HTTP/1.0', 'GET http://a.test/ HTTP/1.0\r\nHost: a.test\r\nHost: b.test\r\n\r\n', 400],
  ['another Host', 'GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n', 400],
  ['another Host in HTTP/1.0', 'GET http://a.test/ HTTP/1.0\r\nHost: b.test\r\n\r\n', 400],
  ['another port in Host', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test:8080\r\n\r\n', 400],
  ['Host without the port', 'GET http://a.test:8080/ HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['Host with user information', 'GET http://a.test/ HTTP/1.1\r\nHost: u@a.test\r\n\r\n', 400],
  ['Host with a path', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test/x\r\n\r\n', 400],
  ['a list in Host', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test, b.test\r\n\r\n', 400],
  // framing
  [
    'CL and TE',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'TE and CL',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'two lengths',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
    400,
  ],
  [
    'two equal lengths',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
    400,
  ],
  ['a list of lengths', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3, 3\r\n\r\nabc', 400],
  ['length +3', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: +3\r\n\r\nabc', 400],
  ['length -1', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: -1\r\n\r\n', 400],
  ['length 0x3', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0x3\r\n\r\nabc', 400],
  ['length 3e0', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3e0\r\n\r\nabc', 400],
  ['empty length', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length:\r\n\r\n', 400],
  [
    'length beyond 2^64',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 18446744073709551617\r\n\r\n',
    400,
  ],
  [
    'length beyond 2^53',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9007199254740993\r\n\r\n',
    400,
  ],
  ['TE gzip', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip\r\n\r\n', 400],
  [
    'TE gzip, chunked',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'TE chunked, gzip',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'TE chunked, chunked',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'TE twice',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['TE identity', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: identity\r\n\r\n', 400],
  ['TE xchunked', 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\n\r\n', 400],
  [
    'TE with a vertical tab',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'TE in HTTP/1.0',
    'POST http://a.test/ HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  [
    'TE by a folded line',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['a body on TRACE', 'TRACE http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc', 400],
  // fields
  ['obs-fold', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\r\n b\r\n\r\n', 400],
  ['a blank before the colon', 'GET http://a.test/ HTTP/1.1\r\nHost : a.test\r\n\r\n', 400],
  ['a blank before the first field', 'GET http://a.test/ HTTP/1.1\r\n Host: a.test\r\n\r\n', 400],
  ['no colon', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX\r\n\r\n', 400],
  ['no name', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n: x\r\n\r\n', 400],
  ['NUL in a value', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\0b\r\n\r\n', 400],
  ['bare CR in a value', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\rY: b\r\n\r\n', 400],
  ['bare LF in a value', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\nY : b\r\n\r\n', 400],
  ['a bad character in a name', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX(y): b\r\n\r\n', 400],
  ['Connection nominates Host', 'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: Host\r\n\r\n', 400],
  [
    'Connection nominates Content-Length',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\nConnection: close, content-length\r\n\r\n',
    400,
  ],
  [
    'Connection nominates Authorization',
    'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: Authorization\r\n\r\n',
    400,
  ],
  [
    'Connection nominates X-Forwarded-For',
    'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: x-forwarded-for\r\n\r\n',
    400,
  ],
  [
    'a second Max-Forwards',
    'OPTIONS http://a.test/ HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 1\r\nMax-Forwards: 0\r\n\r\n',
    400,
  ],
  ['Max-Forwards -1', 'TRACE http://a.test/ HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: -1\r\n\r\n', 400],
  [
    'another expectation',
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nExpect: more\r\n\r\na',
    417,
  ],
  [
    'a loop',
    'GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nVia: 1.1 other, 1.1 fairlead-test\r\nConnection: close\r\n\r\n',
    508,
  ],
  [
    'a very long Via',
    `GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nVia: ${'1.1 p, '.repeat(70)}1.1 q\r\nConnection: close\r\n\r\n`,
    508,
  ],
  ['a head that is too large', `GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`, 431],
  ['more than 1000 fields', `GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n${'X: a\r\n'.repeat(1001)}\r\n`, 431],
  ['a target that is too long', `GET http://a.test/${'a'.repeat(40_000)} HTTP/1.1\r\nHost: a.test\r\n\r\n`, 431],
  // CONNECT
  ['CONNECT without a port', 'CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n', 400],
  ['CONNECT to a URL', 'CONNECT http://a.test:443/ HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 400],
  ['CONNECT with a path', 'CONNECT a.test:443/x HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 400],
  ['CONNECT with user information', 'CONNECT u@a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n', 400],
  ['CONNECT to port 0', 'CONNECT a.test:0 HTTP/1.1\r\nHost: a.test:0\r\n\r\n', 400],
  ['CONNECT without Host', 'CONNECT a.test:443 HTTP/1.1\r\n\r\n', 400],
  ['CONNECT with another Host', 'CONNECT a.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n', 400],
  ['CONNECT with another port in Host', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:80\r\n\r\n', 400],
  ['CONNECT with two Hosts', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nHost: a.test:443\r\n\r\n', 400],
  ['CONNECT with a length', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nContent-Length: 3\r\n\r\nabc', 400],
  [
    'CONNECT in chunks',
    'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
  ['CONNECT in a loop', 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nVia: 1.1 fairlead-test\r\n\r\n', 508],
]

t.test('what is malformed is refused, and nothing of it is sent on', async (t) => {
  const rig = await startRig(t)
  for (const [what, request, status] of REFUSED) {
    const answer = await rig.talk(request)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} [ -~]{1,120}\\r\\n`), `${what}: ${status}`)
    t.equal(answer.match(/^HTTP\/1\.1 \d{3} /gm)?.length, 1, `${what}: one answer`)
    t.match(answer, /\r\nConnection: close\r\n/, `${what}: the connection is closed`)
  }
  t.equal(rig.origin.bytes, '')
  t.same(rig.dials, [])
  t.equal(rig.flows.length, 0)
})

/** Faults that show only in the body, when the request is already on its way: the origin must never see it complete. */
const BROKEN_BODIES: ReadonlyArray<readonly [what: string, body: string]> = [
  ['a chunk size that is no number', 'x\r\nabc\r\n0\r\n\r\n'],
  ['a negative chunk size', '-1\r\nabc\r\n0\r\n\r\n'],
  ['a chunk size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a blank before the chunk size', ' 3\r\nabc\r\n0\r\n\r\n'],
  ['a chunk longer than announced', '2\r\nabc\r\n0\r\n\r\n'],
  ['a chunk size ended by LF alone', '3\nabc\r\n0\r\n\r\n'],
  ['a chunk ended by LF alone', '3\r\nabc\n0\r\n\r\n'],
  ['a chunk size beyond 2^64', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
  ['a bare CR in an extension', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
  ['a folded trailer', '3\r\nabc\r\n0\r\nX: a\r\n b\r\n\r\n'],
]

t.test('a body that breaks its framing never reaches the origin as a complete request', async (t) => {
  for (const [what, body] of BROKEN_BODIES) {
    const rig = await startRig(t)
    const head = 'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n'
    const answer = await rig.talk(head + body)
    t.match(answer, /^(HTTP\/1\.1 400 |$)/, `${what}: refused`)
    t.notMatch(rig.origin.bytes, /\r\n0\r\n/, `${what}: not completed`)
    rig.close()
  }
})

t.test('bytes behind a complete request are the next request, and refused as such', async (t) => {
  const rig = await startRig(t)
  const answer = await rig.talk(
    'POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabcGET /smuggled HTTP/1.1\r\nHost: b.test\r\n\r\n',
  )
  t.match(answer, /^HTTP\/1\.1 200 OK[\s\S]*ok[\s\S]*HTTP\/1\.1 400 /)
  t.equal(rig.origin.bytes.match(/HTTP\/1\.1/g)?.length, 1)
  t.match(rig.origin.bytes, /\r\nContent-Length: 3\r\n[\s\S]*\r\n\r\nabc$/)
})
