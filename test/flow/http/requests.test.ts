import t from 'tap'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const GET = (path = '/', fields = '') => `GET http://origin.test${path} HTTP/1.1\r\nHost: origin.test\r\n${fields}\r\n`
const HEAD = () => GET().replace('GET', 'HEAD')
const GET10 = (fields = '') => `GET http://origin.test/ HTTP/1.0\r\n${fields}\r\n`

t.test('a GET in absolute-form goes out in origin-form, with Via, without what was for the proxy', async (t) => {
  const rig = await startRig(t)
  const client = rig.client()
  client.send(
    'GET http://Origin.test:80/a?b=c%20d HTTP/1.1\r\nhoST: origin.TEST\r\nX-Custom: Kept\r\nAccept: */*\r\n' +
      'Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nConnection: keep-alive, X-Hop\r\nX-Hop: gone\r\nKeep-Alive: timeout=3\r\n\r\n',
  )
  const answer = await client.gets('ok')
  t.equal(
    rig.origin.bytes,
    'GET /a?b=c%20d HTTP/1.1\r\nhoST: origin.test\r\nX-Custom: Kept\r\nAccept: */*\r\nVia: 1.1 fairlead-test\r\nConnection: keep-alive\r\n\r\n',
  )
  t.match(answer, /^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\nVia: 1\.1 fairlead-test\r\nConnection: keep-alive\r\n/)
  t.notMatch(answer, /Date|Server/)
  await until('the exchange is recorded', () => rig.results.length === 1)
  t.match(rig.results[0], { status: 200, bytesUp: 0, bytesDown: 2, ended: 'finished' })
})

t.test('keep-alive: two requests of one client share one connection to the origin', async (t) => {
  const rig = await startRig(t)
  const client = rig.client()
  client.send(GET('/1'))
  await client.gets('ok')
  client.send(GET('/2'))
  await client.gets(/ok[\s\S]*ok/)
  t.equal(rig.origin.connections.length, 1)
  t.same(rig.dials, ['target origin.test:80'])
})

t.test('pipelined requests are sent one after the other and answered in order', async (t) => {
  const rig = await startRig(t)
  const client = rig.client()
  client.send(GET('/1') + GET('/2') + GET('/3'))
  await client.gets(/ok[\s\S]*ok[\s\S]*ok/)
  t.match(rig.origin.bytes, /GET \/1 [\s\S]*GET \/2 [\s\S]*GET \/3 /)
  t.equal(rig.origin.connections.length, 1)
})

/** A response of the origin, what kind of request asked for it, and how it must reach the client. */
const RESPONSES: ReadonlyArray<readonly [what: string, request: string, response: string, received: RegExp]> = [
  [
    'HEAD keeps the length',
    HEAD(),
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    /^HTTP\/1\.1 200 OK\r\nContent-Length: 5\r\n[^\n]*Via[\s\S]*\r\n\r\n$/,
  ],
  [
    'HEAD of a chunked answer',
    HEAD(),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    /^HTTP\/1\.1 200 OK\r\n(?!.*Transfer)[\s\S]*\r\n\r\n$/,
  ],
  ['204', GET(), 'HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1\.1 204 No Content\r\nVia/],
  [
    '204 with length 0 loses it',
    GET(),
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    /^HTTP\/1\.1 204 No Content\r\nVia(?![\s\S]*Content-Length)/,
  ],
  [
    '304 with a length',
    GET(),
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n\r\n',
    /^HTTP\/1\.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "x"\r\n/,
  ],
  [
    'no reason phrase',
    GET(),
    'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok',
    /^HTTP\/1\.1 200 \r\nContent-Length: 2\r\n[\s\S]*ok$/,
  ],
  ['an unknown status', GET(), 'HTTP/1.1 599 Odd\r\nContent-Length: 2\r\n\r\nok', /^HTTP\/1\.1 599 Odd\r\n/],
  [
    'order, case and repetition of fields',
    GET(),
    'HTTP/1.1 200 OK\r\nsEt-cOOkie: a=1\r\nX-B: 1\r\nSet-Cookie: b=2\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n',
    /OK\r\nsEt-cOOkie: a=1\r\nX-B: 1\r\nSet-Cookie: b=2\r\nX-B: 2\r\nContent-Length: 0\r\nVia/,
  ],
  [
    'Date and Server of the origin',
    GET(),
    'HTTP/1.1 200 OK\r\nDate: then\r\nServer: it\r\nContent-Length: 0\r\n\r\n',
    /OK\r\nDate: then\r\nServer: it\r\n/,
  ],
  [
    'bytes above ASCII',
    GET(),
    'HTTP/1.1 200 OK\r\nX: caf\xe9\r\nContent-Length: 1\r\n\r\n\xe9',
    /X: caf\xe9\r\n[\s\S]*\r\n\r\n\xe9$/,
  ],
  [
    'hop-by-hop fields go',
    GET(),
    'HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=9\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n',
    /OK\r\nContent-Length: 0\r\nVia: [^\n]*\r\nConnection: keep-alive\r\nKeep-Alive: timeout=30\r\n\r\n$/,
  ],
  [
    'chunks',
    GET(),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    /Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n$/,
  ],
  [
    'trailers',
    GET(),
    'HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
    /Trailer: X-Sum\r\n[\s\S]*2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n$/,
  ],
  [
    'a trailer that frames is dropped',
    GET(),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nHost: evil\r\nX: y\r\n\r\n',
    /2\r\nok\r\n0\r\nX: y\r\n\r\n$/,
  ],
  [
    '103',
    GET(),
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\nVia: [^\n]*\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
  ],
  [
    '102 and 104',
    GET(),
    'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 104 U\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    /^HTTP\/1\.1 102 P\r\n[\s\S]*HTTP\/1\.1 104 U\r\n[\s\S]*HTTP\/1\.1 200 OK/,
  ],
  [
    'a 100 that nobody asked for is dropped',
    GET(),
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    /^HTTP\/1\.1 200 OK/,
  ],
  ['HTTP/1.0 with a length', GET10(), 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', /Connection: close\r\n\r\nok$/],
  [
    'HTTP/1.0 gets no chunks',
    GET10(),
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n',
    /OK\r\nVia: [^\n]*\r\nConnection: close\r\n\r\nok$/,
  ],
  [
    'HTTP/1.0 gets no 103',
    GET10(),
    'HTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    /^HTTP\/1\.1 200 OK/,
  ],
  [
    'HTTP/1.0 may keep the connection',
    GET10('Connection: keep-alive\r\n'),
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    /Connection: keep-alive\r\n/,
  ],
  ['an origin of HTTP/1.0', GET(), 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', /Via: 1\.0 fairlead-test\r\n/],
]

t.test('a long pipeline is answered in order, whole', async (t) => {
  const rig = await startRig(t)
  const client = rig.client()
  let all = ''
  for (let i = 0; i < 500; i++) all += GET(`/${i}`)
  client.send(all)
  await until('every request is answered', () => client.received.split('\r\n\r\nok').length === 501, 20_000)
  const order = [...rig.origin.bytes.matchAll(/GET \/(\d+) /g)].map(([, number]) => Number(number))
  t.same(
    order,
    Array.from({ length: 500 }, (_, i) => i),
  )
  t.equal(rig.origin.connections.length, 1)
})

t.test('responses reach the client as they are', async (t) => {
  for (const [what, request, response, received] of RESPONSES) {
    const rig = await startRig(t)
    rig.origin.answers(response)
    const client = rig.client().send(request)
    t.match(await client.gets(/\r\n\r\n(ok|.?)?$/).then(() => client.gets(received)), received, what)
    await until('the exchange is over', () => rig.results.length === 1)
    t.equal(rig.results[0]?.ended, 'finished', what)
    rig.close()
  }
})

t.test('a body that ends with the connection becomes chunks, and its end is passed on', async (t) => {
  const rig = await startRig(t)
  rig.origin.answers('HTTP/1.1 200 OK\r\n\r\nhello', 'end')
  const client = rig.client().send(GET())
  t.match(await client.gets('\r\n0\r\n\r\n'), /Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/)
})

t.test('request bodies go out with the framing they came in', async (t) => {
  const rows: ReadonlyArray<readonly [what: string, request: string, sent: RegExp]> = [
    [
      'a length',
      'POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\n\r\nhello',
      /\r\nContent-Length: 5\r\n(?!.*Transfer)[\s\S]*\r\n\r\nhello$/,
    ],
    [
      'chunks',
      'POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n\r\n',
      /\r\nTransfer-Encoding: chunked\r\n[\s\S]*\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    ],
    [
      'trailers',
      'POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\nHost: evil\r\n\r\n',
      /\r\nTrailer: X\r\n[\s\S]*5\r\nhello\r\n0\r\nX: y\r\n\r\n$/,
    ],
    [
      'an empty POST says so',
      'POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n',
      /\r\nContent-Length: 0\r\n/,
    ],
    [
      'an empty PROPFIND too',
      'PROPFIND http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n',
      /\r\nContent-Length: 0\r\n/,
    ],
    [
      'GET with a body',
      'GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 2\r\n\r\nhi',
      /\r\nContent-Length: 2\r\n[\s\S]*\r\n\r\nhi$/,
    ],
    [
      'DELETE without',
      'DELETE http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n',
      /^DELETE \/ HTTP\/1\.1\r\nHost: origin\.test\r\nVia: 1\.1 fairlead-test\r\nConnection: keep-alive\r\n\r\n$/,
    ],
    [
      'TE: trailers',
      'GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nTE: trailers, deflate\r\nConnection: TE\r\n\r\n',
      /\r\nTE: trailers\r\nConnection: keep-alive, TE\r\n\r\n$/,
    ],
    [
      'HTTP/1.0 without Host',
      'GET http://origin.test/ HTTP/1.0\r\n\r\n',
      /^GET \/ HTTP\/1\.1\r\nHost: origin\.test\r\nVia: 1\.0 fairlead-test\r\n/,
    ],
    [
      'another port',
      'GET http://origin.test:8080/ HTTP/1.1\r\nHost: origin.test:8080\r\n\r\n',
      /\r\nHost: origin\.test:8080\r\n/,
    ],
    ['IPv6', 'GET http://[2001:DB8::1]/ HTTP/1.1\r\nHost: [2001:db8:0::1]:80\r\n\r\n', /\r\nHost: \[2001:db8::1\]\r\n/],
    [
      'a path kept as it is',
      'GET http://origin.test/a/../b//c?x=%zz&y=|" HTTP/1.1\r\nHost: origin.test\r\n\r\n',
      /^GET \/a\/\.\.\/b\/\/c\?x=%zz&y=\|" HTTP/,
    ],
    ['a query without a path', 'GET http://origin.test?x HTTP/1.1\r\nHost: origin.test\r\n\r\n', /^GET \/\?x HTTP/],
    [
      'OPTIONS without a path',
      'OPTIONS http://origin.test HTTP/1.1\r\nHost: origin.test\r\nMax-Forwards: 2\r\n\r\n',
      /^OPTIONS \* HTTP\/1\.1\r\nHost: origin\.test\r\nMax-Forwards: 1\r\n/,
    ],
    [
      'TRACE',
      'TRACE http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nMax-Forwards: 1\r\n\r\n',
      /^TRACE \/ HTTP\/1\.1\r\nHost: origin\.test\r\nMax-Forwards: 0\r\n/,
    ],
    [
      'Via of others',
      'GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nVia: 1.0 fred, 1.1 fairlead-other\r\n\r\n',
      /\r\nVia: 1\.0 fred, 1\.1 fairlead-other\r\nVia: 1\.1 fairlead-test\r\n/,
    ],
    [
      'a field called __proto__',
      'GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n__proto__: x\r\n\r\n',
      /\r\n__proto__: x\r\n/,
    ],
  ]
  for (const [what, request, sent] of rows) {
    const rig = await startRig(t)
    const client = rig.client().send(request)
    await client.gets('ok')
    await rig.origin.gets(sent)
    t.match(rig.origin.bytes, sent, what)
    rig.close()
  }
})

t.test('what is asked of the gateway itself is answered by it', async (t) => {
  const rig = await startRig(t)
  const trace =
    'TRACE http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nMax-Forwards: 0\r\nCookie: secret\r\nX: y\r\nConnection: close\r\n\r\n'
  t.match(
    await rig.talk(trace),
    /200 OK\r\nContent-Type: message\/http[\s\S]*TRACE http:\/\/origin\.test\/ HTTP\/1\.1\r\n(?![\s\S]*secret)[\s\S]*X: y/,
  )
  const options =
    'OPTIONS http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nMax-Forwards: 0\r\nConnection: close\r\n\r\n'
  t.match(await rig.talk(options), /200 OK\r\nAllow: CONNECT, [^\n]*\r\nContent-Length: 0\r\n/)
  const own = await rig.talk('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(
    own,
    new RegExp(
      `^HTTP/1\\.1 400 [\\s\\S]*This is Fairlead, a proxy[\\s\\S]*http_proxy=http://127\\.0\\.0\\.1:${rig.port}`,
    ),
  )
  t.equal(rig.origin.connections.length, 0)
})

t.test('Expect: 100-continue goes end to end', async (t) => {
  const POST =
    'POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n'
  t.test('the origin wants the body', async (t) => {
    const rig = await startRig(t)
    rig.origin.onData = ({ socket, bytes }) => {
      if (bytes.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      if (bytes.endsWith('hello')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    }
    const client = rig.client().send(POST)
    t.equal(await client.gets('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n')
    t.match(rig.origin.bytes, /\r\nExpect: 100-continue\r\n/)
    client.send('hello')
    t.match(await client.gets('ok'), /100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  })
  t.test('the origin does not', async (t) => {
    const rig = await startRig(t)
    rig.origin.answers('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno')
    const answer = await rig.talk(POST)
    t.match(answer, /^HTTP\/1\.1 413 Too Large\r\n[\s\S]*Connection: close\r\n\r\nno$/)
  })
  t.test('the client does not wait', async (t) => {
    const rig = await startRig(t)
    rig.origin.onData = ({ socket, bytes }) => {
      if (bytes.endsWith('hello')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    }
    t.match(await rig.client().send(`${POST}hello`).gets('ok'), /^HTTP\/1\.1 200 OK/)
  })
})

t.test('an early response arrives whole although the client is still sending', async (t) => {
  const rig = await startRig(t)
  rig.origin.answers('HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno')
  const client = rig
    .client()
    .send('POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 100000000\r\n\r\n')
  for (let i = 0; i < 20; i++) client.send('x'.repeat(10_000))
  t.match(await client.toEnd(), /^HTTP\/1\.1 413 Too Large\r\n[\s\S]*\r\n\r\nno$/)
  const origin = await rig.origin.connection()
  await until('the origin is let go', () => origin.closed || origin.ended)
})

t.test('a large body passes in both directions at the pace of the slower side', async (t) => {
  const rig = await startRig(t)
  const size = 8_000_000
  let got = 0
  rig.origin.onData = (connection) => {
    if (got === 0) connection.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
    const body = connection.bytes.length
    connection.bytes = ''
    got += body
    connection.socket.write('y'.repeat(Math.min(body, size - written)))
    written += Math.min(body, size - written)
    if (got > size && written < size) connection.socket.write('y'.repeat(size - written))
  }
  let written = 0
  const client = rig
    .client()
    .send(`POST http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\nContent-Length: ${size}\r\n\r\n`)
  client.send('x'.repeat(size))
  await until('everything is back', () => client.received.length > size, 20_000)
  await until('the exchange is over', () => rig.results.length === 1)
  t.match(rig.results[0], { status: 200, bytesUp: size, bytesDown: size, ended: 'finished' })
})

t.test('the pieces of a body that come together go on together', async (t) => {
  const rig = await startRig(t)
  const pieces = 10_000
  rig.origin.answers(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(pieces)}0\r\n\r\n`)
  const client = rig.client().send('GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n')
  const answer = await client.gets('\r\n0\r\n\r\n')
  t.equal(answer.split('x').length - 1, pieces, 'all of them')
  const chunks = answer.match(/\r\n[0-9a-f]+\r\nx/g)?.length ?? 0
  t.ok(chunks > 0 && chunks < 100, `in ${chunks} chunks`)
})
