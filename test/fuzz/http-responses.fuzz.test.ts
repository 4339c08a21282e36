import http from 'node:http'
import { Duplex } from 'node:stream'
import { test } from 'tap'
import { type ReadResponse, readResponse } from '../fixtures/read-response.ts'
import { type SeededRandom, seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 10_000
const MAX = 16_384
const SEEDS = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno',
  'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nuntil the end',
  'HTTP/1.1 204 No Content\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
]
const PIECES = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  '\0',
  '\x7f',
  '\xff',
  '0',
  '1',
  'f',
  ';',
  ',',
  'HTTP/1.1',
  'chunked',
]
const LINES = [
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  ' folded\r\n',
  ': x\r\n',
]

function mutated(random: SeededRandom): string {
  let text = random.pick(SEEDS)
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const at = random.below(text.length)
    const piece = random.below(4) === 0 ? random.pick(LINES) : random.pick(PIECES)
    text = text.slice(0, at) + piece + text.slice(at + random.below(3))
  }
  return text
}

interface NodesReading {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
}

/** What Node's own strict client makes of the same bytes; `undefined` where it refuses them or finds them incomplete. */
function readByNode(bytes: Buffer): Promise<NodesReading | undefined> {
  return new Promise((resolve) => {
    const conn = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    const request = http.request({ createConnection: () => conn as never, host: 'a.test', maxHeaderSize: MAX })
    request.on('error', () => resolve(undefined))
    request.on('upgrade', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
    request.on('response', (response) => {
      let body = ''
      response.on('error', () => resolve(undefined))
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString('latin1')
      })
      response.on('end', () => {
        if (!response.complete) resolve(undefined)
        resolve({ status: response.statusCode!, fields: response.rawHeaders, body })
      })
    })
    request.end(() => {
      conn.push(bytes)
      conn.push(null)
    })
  })
}

/** A tab is a blank (RFC 9110 §5.6.3), behind a length and a coding too; Node refuses the one and overlooks the other. */
const FRAMING_WITH_TAB = /^(?:content-length|transfer-encoding):.*\t/im

/**
 * Interim answers in a version without them and statuses that nobody has are refused by `checkInterim` and `checkResponse`; the rest of an
 * answer behind `close` in an interim one is read by us, and the connection is not used again.
 */
function isRefusedLater(ours: ReadResponse, bytes: Buffer): boolean {
  const text = bytes.toString('latin1')
  if (ours.interim.length > 0 && /^HTTP\/1\.0|^connection: close/im.test(text)) return true
  return ours.interim.includes(101) || ours.status! < 100
}

test('what our reader takes for a whole response, Node takes for the same', async (t) => {
  const random = seededRandom(0x4e59)
  let taken = 0
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = Buffer.from(mutated(random), 'latin1')
    const cuts = random.below(2) === 0 ? [] : [random.below(bytes.length)]
    const ours: ReadResponse = readResponse(bytes, 'GET', MAX, cuts)
    if (ours.fault || !ours.complete || ours.status === undefined) continue
    taken++
    // What lies behind the end is of another response, and ends the connection.
    const { surplus } = readResponse(bytes, 'GET', MAX, [])
    const nodes = await readByNode(bytes.subarray(0, bytes.length - surplus))
    if (!nodes && isRefusedLater(ours, bytes)) continue
    if (FRAMING_WITH_TAB.test(bytes.toString('latin1'))) continue
    const { status, fields, body } = ours
    if (JSON.stringify(nodes) !== JSON.stringify({ status, fields, body })) {
      t.same({ status, fields, body }, nodes, JSON.stringify(bytes.toString('latin1')))
    }
  }
  t.ok(taken > ROUNDS / 10, `${taken} of ${ROUNDS} were whole`)
})
