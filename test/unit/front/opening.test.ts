import t from 'tap'
import { Opening } from '../../../src/front/opening.ts'

const OPTIONS = { pseudonym: 'fairlead-test', maxHeadBytes: 1_000 }
const head = (...lines: string[]): Buffer => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
const open = (...chunks: Buffer[]) => {
  const opening = new Opening()
  return chunks.map((chunk) => opening.push(chunk, OPTIONS)).at(-1)!
}
const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

t.test('a complete CONNECT is a wish, with what follows it', async (t) => {
  const step = open(
    Buffer.concat([head('CONNECT Example.COM:443 HTTP/1.1', 'Host: example.com:443', 'A:  b  '), bytes('1603')]),
  )
  t.match(step, {
    kind: 'wish',
    wish: { protocol: 'http-connect', target: { host: 'example.com', family: 0, port: 443 }, rest: bytes('1603') },
  })
  t.match(step.kind === 'wish' && step.wish.yes.toString(), /^HTTP\/1\.1 200 /)
})

t.test('what is not quite as usual is for the doors', async (t) => {
  const host = 'Host: a.test:443'
  for (const [what, chunk] of [
    ['half a head', Buffer.from('CONNECT a.test:443 HTTP/1.1\r\nHost: a.')],
    ['another method', head('GET http://a.test/ HTTP/1.1', 'Host: a.test')],
    ['another version', head('CONNECT a.test:443 HTTP/2.0', host)],
    ['no Host', head('CONNECT a.test:443 HTTP/1.1')],
    ['another Host', head('CONNECT a.test:443 HTTP/1.1', 'Host: b.test:443')],
    ['two Hosts', head('CONNECT a.test:443 HTTP/1.1', host, host)],
    ['a body', head('CONNECT a.test:443 HTTP/1.1', host, 'Content-Length: 1')],
    ['a blank before the colon', head('CONNECT a.test:443 HTTP/1.1', host, 'X : y')],
    ['a folded line', head('CONNECT a.test:443 HTTP/1.1', host, 'X: y', ' z')],
    ['a control character', head('CONNECT a.test:443 HTTP/1.1', host, 'X: \x01')],
    ['a bare LF', Buffer.from(`CONNECT a.test:443 HTTP/1.1\n${host}\r\n\r\n`)],
    ['a byte above ASCII', head('CONNECT a.test:443 HTTP/1.1', host, 'X: \xe9')],
    ['a head that is too long', head('CONNECT a.test:443 HTTP/1.1', host, `X: ${'y'.repeat(1_000)}`)],
    ['blanks without end', Buffer.from(`CONNECT a.test:443 HTTP/1.1\r\nX:${' '.repeat(900)}\x01\r\n\r\n`, 'latin1')],
    ['a loop', head('CONNECT a.test:443 HTTP/1.1', host, 'Via: 1.1 fairlead-test')],
    ['a port of nought', head('CONNECT a.test:0 HTTP/1.1', 'Host: a.test:0')],
    ['TLS', bytes('16030100')],
    ['SOCKS5 without a method of ours', bytes('050102')],
    ['SOCKS5 BIND', bytes('050100 05020001 7f000001 0050')],
    ['SOCKS5 ASSOCIATE', bytes('050100 05030001 00000000 0000')],
    ['SOCKS5 with an unknown address type', bytes('050100 05010009 7f000001 0050')],
    ['SOCKS4 BIND', bytes('0402 0050 7f000001 00')],
  ] as const) {
    t.same(open(chunk), { kind: 'other' }, what)
  }
})

t.test('SOCKS conversations, in one piece and in many', async (t) => {
  const greeting = bytes('050100')
  const request = bytes('050100 03 06 612e74657374 01bb')
  t.same(open(greeting), { kind: 'more', send: bytes('0500') })
  const wish = { protocol: 'socks5', target: { host: 'a.test', family: 0, port: 443 } }
  t.match(open(greeting, request), { kind: 'wish', send: undefined, wish })
  t.match(open(Buffer.concat([greeting, request, bytes('ab')])), {
    kind: 'wish',
    send: bytes('0500'),
    wish: { ...wish, rest: bytes('ab') },
  })
  t.match(open(bytes('0401 0050 7f000001 00')), {
    kind: 'wish',
    wish: { protocol: 'socks4', target: { host: '127.0.0.1', family: 4, port: 80 }, yes: bytes('005a000000000000') },
  })
  const pieces = [...Buffer.concat([greeting, request])].map((byte) => Buffer.of(byte))
  t.match(open(...pieces), { kind: 'wish', wish })
})
