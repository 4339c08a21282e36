import t from 'tap'
import { startRig } from './rig.ts'

/** What an origin answers, and a word of what the client is told. In no case does a byte of the answer reach the client. */
const REFUSED: ReadonlyArray<readonly [what: string, response: string, said: RegExp]> = [
  ['garbage', 'garbage\r\n\r\n', /well-formed/],
  ['an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n', /SSH/],
  ['a TLS alert', '\x15\x03\x01\x00\x02\x02\x0a', /TLS/],
  ['no status line', '<html><body>hello</body></html>', /well-formed/],
  ['HTTP/0.9', 'HTTP/0.9 200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed|HTTP\/0\.9/],
  ['HTTP/1.2', 'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed|HTTP\/2/],
  ['HTTP/3', 'HTTP/3 200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['no version', 'HTTP 200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['lower-case protocol', 'http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['ICY', 'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed|status/],
  ['status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed|status/],
  ['status 000', 'HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok', /status|well-formed/],
  ['status 099', 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nok', /status|well-formed/],
  ['status that is no number', 'HTTP/1.1 2x0 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['negative status', 'HTTP/1.1 -200 OK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['NUL in the reason', 'HTTP/1.1 200 O\0K\r\nContent-Length: 2\r\n\r\nok', /control character/],
  ['bare CR in the reason', 'HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', /unasked|101/],
  [
    '101 with an Upgrade that nobody asked for',
    'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    /unasked/,
  ],
  [
    '407',
    'HTTP/1.1 407 P\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 2\r\n\r\nok',
    /407, which only a proxy may/,
  ],
  // framing
  [
    'CL and TE',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    /well-formed|both/,
  ],
  [
    'TE and CL',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    /well-formed|both/,
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok', /well-formed|more than one/],
  [
    'two equal lengths',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    /well-formed|more than one/,
  ],
  ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok', /well-formed|number/],
  ['length +2', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok', /well-formed|number/],
  ['length -2', 'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok', /well-formed|number/],
  ['length 2.0', 'HTTP/1.1 200 OK\r\nContent-Length: 2.0\r\n\r\nok', /well-formed|number/],
  ['length 0x2', 'HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok', /well-formed|number/],
  ['empty length', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nok', /well-formed|number/],
  ['length beyond 2^64', 'HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551618\r\n\r\nok', /well-formed|number/],
  ['length beyond 2^53', 'HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\nok', /range/],
  ['TE gzip', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok', /Transfer-Encoding/],
  [
    'TE gzip, chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    /Transfer-Encoding/,
  ],
  [
    'TE chunked, gzip',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    /Transfer-Encoding|well-formed/,
  ],
  [
    'TE chunked, chunked',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    /Transfer-Encoding/,
  ],
  [
    'TE twice',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    /Transfer-Encoding/,
  ],
  ['TE identity', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok', /Transfer-Encoding/],
  [
    'TE with a tab inside',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chun\tked\r\n\r\nok',
    /Transfer-Encoding|well-formed/,
  ],
  ['TE in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', /HTTP\/1\.0/],
  ['TE on 204', 'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', /204/],
  ['a body on 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok', /204/],
  ['TE gzip on 304', 'HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: gzip\r\n\r\n', /Transfer-Encoding/],
  // fields
  ['obs-fold', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['obs-fold of the length', 'HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\nok', /well-formed/],
  ['a blank before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok', /well-formed/],
  ['a blank before the first field', 'HTTP/1.1 200 OK\r\n X: a\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['no colon', 'HTTP/1.1 200 OK\r\nX\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['no name', 'HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['NUL in a value', 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['bare CR in a value', 'HTTP/1.1 200 OK\r\nX: a\rY: b\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  ['a bad character in a name', 'HTTP/1.1 200 OK\r\nX(y): b\r\nContent-Length: 2\r\n\r\nok', /well-formed/],
  [
    'a control character in a value',
    'HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 2\r\n\r\nok',
    /well-formed|passed on/,
  ],
  [
    'Connection nominates Content-Length',
    'HTTP/1.1 200 OK\r\nConnection: Content-Length\r\nContent-Length: 2\r\n\r\nok',
    /content-length/,
  ],
  [
    'Connection nominates Set-Cookie',
    'HTTP/1.1 200 OK\r\nConnection: set-cookie\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok',
    /set-cookie/,
  ],
  [
    'a head that is too large',
    `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(40_000)}\r\nContent-Length: 2\r\n\r\nok`,
    /too large/,
  ],
  [
    'too many small fields',
    `HTTP/1.1 200 OK\r\n${'X: a\r\n'.repeat(8000)}Content-Length: 2\r\n\r\nok`,
    /more than 1000 fields/,
  ],
  // interim
  [
    'interim with a length',
    'HTTP/1.1 103 Early Hints\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    /interim/,
  ],
  [
    'interim with TE',
    'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    /interim|well-formed/,
  ],
  ['interim in HTTP/1.0', 'HTTP/1.0 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', /interim/],
  ['nothing but FIN', '', /without answering/],
  ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le', /without answering|well-formed/],
]

t.test('a malformed answer becomes a 502 that names the origin, and the client’s connection goes on', async (t) => {
  const rig = await startRig(t)
  for (const [what, response, said] of REFUSED) {
    rig.origin.onData = ({ socket }) => void socket.end(Buffer.from(response, 'latin1'))
    const client = rig.client()
    client.send('GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n')
    const answer = await client.gets(/\nflow: .*\n$/)
    t.match(answer, /^HTTP\/1\.1 502 [ -~]*origin\.test:80/, `${what}: 502`)
    t.match(answer.split('\r\n')[0], said, `${what}: the status line says why`)
    t.notMatch(answer, /X: a|Set-Cookie|\r\n\r\nok/, `${what}: nothing of it`)
    client.send('OPTIONS * HTTP/1.1\r\nHost: origin.test\r\n\r\n')
    t.match(await client.gets('Allow'), /HTTP\/1\.1 200 OK\r\nAllow/, `${what}: the connection goes on`)
    client.close()
  }
})

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok'

/** Faults in the body: what has arrived is with the client already, so only a reset tells it that the rest is missing. */
const BROKEN_BODIES: ReadonlyArray<readonly [what: string, begins: string, goesOn: string]> = [
  ['a chunk size that is no number', CHUNKED, '\r\nx\r\n\r\n'],
  ['a negative chunk size', CHUNKED, '\r\n-1\r\na\r\n0\r\n\r\n'],
  ['a chunk longer than announced', CHUNKED, 'ay\r\n0\r\n\r\n'],
  ['a chunk ended by LF alone', CHUNKED, '\n0\r\n\r\n'],
  ['a chunk size beyond 2^64', CHUNKED, '\r\nfffffffffffffffff\r\n'],
  ['a folded trailer', CHUNKED, '\r\n0\r\nX: a\r\n b\r\n\r\n'],
  ['FIN in the middle of the chunks', CHUNKED, '\r\n'],
  ['FIN before the announced length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok', ''],
]

t.test('an answer that breaks off in its body resets the client’s connection', async (t) => {
  const rig = await startRig(t)
  for (const [what, begins, goesOn] of BROKEN_BODIES) {
    rig.origin.answers(begins)
    const client = rig.client()
    client.send('GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n')
    await client.gets('ok')
    rig.origin.connections.at(-1)!.socket.end(goesOn)
    t.equal(await client.ending(), 'reset', what)
    t.notMatch(client.received, /\r\n0\r\n/, `${what}: never complete`)
  }
  t.match(
    rig.results,
    BROKEN_BODIES.map(([what]) => {
      const code = what.startsWith('FIN') ? 'CONNECT_RESET' : 'UPSTREAM_PROTOCOL_ERROR'
      return { ended: 'upstream-reset', error: { code } }
    }),
  )
})

t.test(
  'a reset in the middle of a body without length resets the client too: a FIN would look like its end',
  async (t) => {
    const rig = await startRig(t)
    rig.origin.answers('HTTP/1.0 200 OK\r\n\r\nok')
    const client = rig.client()
    client.send('GET http://origin.test/ HTTP/1.0\r\n\r\n')
    await client.gets('ok')
    rig.origin.connections[0]!.socket.resetAndDestroy()
    t.equal(await client.ending(), 'reset')
  },
)

t.test('what an origin sends beyond its answer is never taken for the answer to the next request', async (t) => {
  const rig = await startRig(t)
  const poisoned = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
  rig.origin.onData = ({ socket }) =>
    void socket.write(
      rig.origin.connections.length === 1 ? poisoned : 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean',
    )
  const client = rig.client()
  client.send('GET http://origin.test/1 HTTP/1.1\r\nHost: origin.test\r\n\r\n')
  await client.gets('ok')
  client.send('GET http://origin.test/2 HTTP/1.1\r\nHost: origin.test\r\n\r\n')
  t.notMatch(await client.gets('clean'), /poison/)
  t.equal(rig.origin.connections.length, 2)
})
