import t from 'tap'
import { SNIFF_BYTES, sniffName } from '../../../src/wire/sniffed-name.ts'
import { clientHello, records } from '../../fixtures/client-hello.ts'

const name = (protocol: 'tls' | 'http', text: string) => ({ kind: 'name', protocol, name: text })
const http = { kind: 'nameless', protocol: 'http' }
const other = { kind: 'nameless' }
const more = { kind: 'more' }

const rows: readonly (readonly [bytes: string, expected: object])[] = [
  ['', more],
  ['G', more],
  ['GET / HTTP/1.1\r\n', more],
  ['GET / HTTP/1.1\r\nHost: www.Example.com\r\n', name('http', 'www.example.com')],
  ['GET / HTTP/1.1\r\nHost: www.example.com', more],
  ['GET / HTTP/1.1\r\nAccept: */*\r\nhOsT:a.test:8080\r\n\r\n', name('http', 'a.test')],
  ['GET / HTTP/1.1\nHost: a.test\n\n', name('http', 'a.test')],
  ['OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n', name('http', 'a.test')],
  ['PROPFIND /x HTTP/1.1\r\nHost: a.test.\r\n\r\n', name('http', 'a.test')],
  ['VERSION-CONTROL /x HTTP/1.1\r\nHost: a.test\r\n\r\n', name('http', 'a.test')],
  ['GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n', http],
  ['GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n', http],
  ['GET / HTTP/1.1\r\nHost: not a name\r\n\r\n', http],
  ['GET / HTTP/1.1\r\nHost: \r\n\r\n', http],
  ['GET / HTTP/1.0\r\n\r\n', http],
  ['GET / HTTP/1.1\r\n\r\nHost: a.test\r\n', http], // in a body
  ['GET / HTTP/1.1\r\nX: 1\r\n\r\nHost: a.test\r\n', http],
  ['GET / HTTP/1.1\r\nX-Host: a.test\r\n\r\n', http],
  ['GET http://elsewhere.test/ HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n', http], // to a proxy
  ['CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n', http],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', { kind: 'nameless', protocol: 'h2c' }],
  ['PRI * HTTP/2.0\r\n', more],
  ['PRI x', other],
  ['GET / FTP/1.1\r\n', other],
  ['get / HTTP/1.1\r\nHost: a.test\r\n\r\n', other],
  ['SSH-2.0-OpenSSH_9\r\n', other],
  ['EHLO a.test\r\n', other],
  ['\x05\x01\x00', other],
  ['\0\0\0\x08\x04\xd2\x16\x2f', other], // PostgreSQL asks for TLS
  [`GET /${'x'.repeat(8 * 1024)}`, other],
  [`GET / HTTP/1.1\r\nX: ${'x'.repeat(8 * 1024)}`, http],
]

t.test('HTTP, and what is none', async (t) => {
  for (const [bytes, expected] of rows) {
    t.same(sniffName(Buffer.from(bytes, 'latin1')), expected, JSON.stringify(bytes.slice(0, 60)))
  }
})

t.test('TLS', async (t) => {
  const sniff = (text: string, more: object = {}) => sniffName(records(clientHello({ names: [text], ...more })))
  t.same(sniff('WWW.example.com'), name('tls', 'www.example.com'))
  t.same(sniff('www.example.com', { encrypted: true }), { ...name('tls', 'www.example.com'), hint: true })
  for (const bad of ['10.0.0.1', 'a b', 'x'.repeat(300), 'a\0b', '-']) {
    t.equal(sniff(bad).kind, bad === '-' ? 'name' : 'nameless', JSON.stringify(bad.slice(0, 20)))
  }
  const large = name('tls', 'a.test')
  t.same(sniffName(records(clientHello({ padding: 2_000, names: ['a.test'] }), 1)), large, 'post-quantum, byte by byte')
  t.same(sniffName(records(clientHello({ padding: 16_000, names: ['a.test'] }))), large, 'with a large ticket')
  t.same(sniffName(records(clientHello({ padding: SNIFF_BYTES, names: ['a.test'] })).subarray(0, SNIFF_BYTES)), {
    kind: 'nameless',
    protocol: 'tls',
  })
})

t.test('any bytes at all, in any number: an answer, and the same for the same beginning', async (t) => {
  let seed = 1
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    return seed
  }
  const beginnings = [
    records(clientHello({ names: ['a.test'] })),
    Buffer.from('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  ]
  for (let round = 0; round < 3000; round++) {
    const start = beginnings[round % 2]!
    const bytes = Buffer.from(start)
    for (let change = 0; change < 1 + (round % 4); change++) bytes[random() % bytes.length] = random() % 256
    const answer = sniffName(bytes)
    if (!['more', 'nameless', 'name'].includes(answer.kind)) t.fail(bytes.toString('hex'))
    // Once decided, more bytes change nothing.
    if (answer.kind !== 'more') t.same(sniffName(Buffer.concat([bytes, Buffer.alloc(10)])), answer)
  }
})
