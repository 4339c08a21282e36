import t from 'tap'
import { ResponseFault } from '../../../src/wire/http-response-fault.ts'
import { readResponse } from '../../fixtures/read-response.ts'

const MAX = 4096

/** How a response is read: interim statuses, status, reason, body, trailers, and bytes behind it. */
const RESPONSES: ReadonlyArray<readonly [what: string, method: string, bytes: string, expected: object]> = [
  [
    'a length',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: \t a b \t\r\n\r\nhello',
    {
      status: 200,
      reason: 'OK',
      fields: ['Content-Length', '5', 'X', 'a b'],
      body: 'hello',
      isOver: true,
      surplus: 0,
    },
  ],
  ['length 0', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', { status: 200, body: '', isOver: true }],
  ['no reason', 'GET', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', { status: 200, reason: '', isOver: true }],
  [
    'chunks with extensions and trailers',
    'GET',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX: y\r\n\r\n',
    { body: 'hello0123456789', trailers: ['X', 'y'], isOver: true, surplus: 0 },
  ],
  ['until the end', 'GET', 'HTTP/1.0 200 OK\r\n\r\nhello', { body: 'hello', isOver: false, complete: true }],
  ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', { body: '', isOver: true, surplus: 0 }],
  ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', { body: '', isOver: true }],
  [
    'interim ones',
    'GET',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
    { interim: [100, 103], status: 204, isOver: true },
  ],
  [
    'an empty line before it',
    'GET',
    '\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
    { status: 200, body: 'x', isOver: true },
  ],
  [
    'more than it',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n',
    { body: 'x', isOver: true, surplus: 17 },
  ],
  [
    'cut off',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel',
    { body: 'hel', isOver: false, complete: false },
  ],
]

t.test('responses are read alike however they are cut into pieces', async (t) => {
  for (const [what, method, bytes, expected] of RESPONSES) {
    const whole = readResponse(Buffer.from(bytes, 'latin1'), method, MAX, [])
    t.match(whole, expected, what)
    for (let cut = 1; cut < bytes.length; cut++) {
      const parts = readResponse(Buffer.from(bytes, 'latin1'), method, MAX, [cut])
      // What lies behind the end is counted in the piece in which it ends, and pieces after that are not read.
      t.same({ ...parts, surplus: 0 }, { ...whole, surplus: 0 }, `${what}, cut at ${cut}`)
    }
    const everywhere = Array.from(bytes, (_, at) => at + 1)
    const bytewise = readResponse(Buffer.from(bytes, 'latin1'), method, MAX, everywhere)
    t.same({ ...bytewise, surplus: 0 }, { ...whole, surplus: 0 }, `${what}, byte by byte`)
  }
})

const HEAD = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`

const FAULTS: ReadonlyArray<readonly [what: string, kind: ResponseFault['kind'], bytes: string]> = [
  ['another protocol, without a line end', 'malformed', 'SSH-2.0'],
  ['LF alone behind the status line', 'malformed', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n'],
  ['LF alone behind a field', 'malformed', `${HEAD}X: y\nContent-Length: 0\r\n\r\n`],
  ['LF alone behind the head', 'malformed', `${HEAD}Content-Length: 0\r\n\n`],
  ['CR alone in a value', 'malformed', `${HEAD}X: y\rz\r\n\r\n`],
  ['a folded line', 'malformed', `${HEAD}X: y\r\n z\r\n\r\n`],
  ['a blank before the colon', 'malformed', `${HEAD}X : y\r\n\r\n`],
  ['DEL in a value', 'malformed', `${HEAD}X: \x7f\r\n\r\n`],
  ['four digits', 'malformed', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['two framings', 'refused', `${HEAD}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ['too many fields', 'refused', `${HEAD}${'A:\r\n'.repeat(1001)}\r\n`],
  ['a head without end', 'too-large', `${HEAD}X: ${'a'.repeat(MAX)}`],
  ['many fields', 'too-large', `${HEAD}${`X: ${'a'.repeat(100)}\r\n`.repeat(50)}`],
  ['empty lines without end', 'too-large', '\r\n'.repeat(MAX)],
  ['a chunk without a size', 'malformed', `${CHUNKED}\r\n`],
  ['a blank behind a size', 'malformed', `${CHUNKED}5 \r\nhello`],
  ['a size beyond what can be counted', 'malformed', `${CHUNKED}20000000000000\r\n`],
  ['a size of 17 digits', 'malformed', `${CHUNKED}00000000000000005\r\nhello\r\n0\r\n\r\n`],
  ['a chunk longer than it says', 'malformed', `${CHUNKED}2\r\nokay`],
  ['a chunk that ends in LF', 'malformed', `${CHUNKED}2\r\nok\n0\r\n\r\n`],
  ['extensions without end', 'too-large', `${CHUNKED}${`1;${'e'.repeat(1000)}\r\nx\r\n`.repeat(20)}`],
  ['an extension without end', 'too-large', `${CHUNKED}1;${'e'.repeat(MAX)}`],
  ['trailers without end', 'too-large', `${CHUNKED}0\r\n${`X: ${'a'.repeat(100)}\r\n`.repeat(50)}`],
]

t.test('what two readers could read differently, and what has no end, is a fault', async (t) => {
  for (const [what, kind, bytes] of FAULTS) {
    for (const cuts of [[], Array.from(bytes, (_, at) => at + 1)]) {
      const { fault } = readResponse(Buffer.from(bytes, 'latin1'), 'GET', MAX, cuts)
      t.ok(fault instanceof ResponseFault, `${what}: a fault`)
      t.equal(fault?.kind, kind, `${what}: ${kind}`)
    }
  }
})
