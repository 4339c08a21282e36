import t from 'tap'
import { until } from '../../fixtures/until.ts'
import { startRig } from './rig.ts'

const WAYS = [
  ['direct', {}, 'origin.test:80'],
  [
    'by an HTTP proxy, which hands on what it gets',
    { candidate: { hops: [{ kind: 'http', host: 'squid.test', family: 0, port: 3128 }] } },
    'HTTP proxy squid.test:3128',
  ],
] as const

const GET = 'GET http://origin.test/ HTTP/1.1\r\nHost: origin.test\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\n'

/** An answer of an origin that does speak HTTP, and what the client is told of it. */
const FAULTS: ReadonlyArray<readonly [what: string, answer: string, told: string]> = [
  ['a blank in a name', `${OK}X Y: secret\r\n\r\n`, 'Invalid character behind "X" in a field name'],
  ['a blank before the colon', `${OK}X-Y : secret\r\n\r\n`, 'Invalid character behind "X-Y" in a field name'],
  ['a name of what is in none', `${OK}A: a\r\n(secret): b\r\n\r\n`, 'Invalid character in a field name behind "A"'],
  ['no name', `${OK}: secret\r\n\r\n`, 'Field line without a name behind the status line'],
  ['no colon', `${OK}A: a\r\nsecret\r\n\r\n`, 'Field line without a colon behind "A"'],
  ['a folded line', `${OK}Set-Cookie: a\r\n secret\r\n\r\n`, 'Folded line behind "Set-Cookie"'],
  ['a blank before the first field', `${OK} X: secret\r\n\r\n`, 'Folded line behind the status line'],
  ['a control character', `${OK}X-Y: secret\x01\r\n\r\n`, 'Invalid character in the value of "X-Y"'],
  ['bare LF', `${OK}X-Y: secret\nContent-Length: 2\r\n\r\nok`, 'Line that ends in LF without CR'],
  ['two blanks behind the version', 'HTTP/1.1  200 OK\r\n\r\n', 'Status line without three digits between one blank'],
  ['a bare CR', 'HTTP/1.1 200 O\rK\r\n\r\n', 'Invalid character in the status line'],
  ['a version that is none', 'HTTP/1.7 200 OK\r\n\r\n', 'Unknown version in the status line: HTTP/1.7'],
  ['a list of lengths', `${OK}Content-Length: 2, 2\r\n\r\nok`, 'its answer has a Content-Length'],
  ['a negative length', `${OK}Content-Length: -1\r\n\r\nok`, 'its answer has a Content-Length'],
]

for (const [way, options, name] of WAYS) {
  t.test(`${way}: the fault of a malformed head is named`, async (t) => {
    const rig = await startRig(t, options)
    for (const [what, answer, told] of FAULTS) {
      rig.origin.onData = ({ socket }) => void socket.end(Buffer.from(answer, 'latin1'))
      const page = await rig
        .client()
        .send(GET)
        .gets(/\nflow: .*\n$/)
      const [statusLine] = page.split('\r\n')
      t.ok(statusLine?.startsWith(`HTTP/1.1 502 ${name} `), `${what}: ${statusLine}`)
      t.ok(statusLine?.includes(told), `${what}: ${told}`)
      t.match(page, /code: {3}UPSTREAM_PROTOCOL_ERROR/, what)
      t.notMatch(page, /looks like|secret/, what)
    }
  })

  t.test(`${way}: who has begun to speak HTTP is not guessed to be something else`, async (t) => {
    const rig = await startRig(t, options)
    rig.origin.answers(`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`)
    const client = rig.client().send(GET)
    await client.gets('ok')
    rig.origin.connections[0]!.socket.write('<html>\r\n')
    t.equal(await client.ending(), 'reset')
    await until('the exchange is over', () => rig.results.length === 1)
    const error = rig.results[0]?.error
    t.equal(error?.code, 'UPSTREAM_PROTOCOL_ERROR')
    t.match(error?.message, /chunk size/)
  })
}
