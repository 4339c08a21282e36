import t from 'tap'
import { encodeSocks5Datagram, MAX_SOCKS5_UDP_HEADER, parseSocks5Datagram } from '../../../src/wire/socks5-udp.ts'
import { targetFromHost } from '../../../src/wire/target.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(/[\s|]/g, ''), 'hex')
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex')

/** `host:port data`, or why it was dropped. */
function words(bytes: Buffer): string {
  const read = parseSocks5Datagram(bytes)
  if (read.kind === 'dropped') return `dropped: ${read.why}`
  return `${read.peer.host} ${read.peer.family} ${read.peer.port} ${read.data.toString('hex')}`
}

const rows: readonly (readonly [name: string, bytes: string, read: string])[] = [
  ['IPv4', '0000 00 01 c0000201 0035 | abcd', '192.0.2.1 4 53 abcd'],
  ['IPv6', '0000 00 04 20010db8000000000000000000000001 0035 | abcd', '2001:db8::1 6 53 abcd'],
  ['IPv4-mapped IPv6', '0000 00 04 00000000000000000000ffffc0000201 0035 | 00', '192.0.2.1 4 53 00'],
  ['a name', `0000 00 03 0b ${ascii('Example.com')} 01bb | 00`, 'example.com 0 443 00'],
  ['a name that is an address', `0000 00 03 09 ${ascii('192.0.2.1')} 01bb | 00`, '192.0.2.1 4 443 00'],
  ['a name in UTF-8', '0000 00 03 06 c3bc2e636f6d 01bb | 00', 'xn--tda.com 0 443 00'],
  ['no data', '0000 00 01 c0000201 0035', '192.0.2.1 4 53 '],
  ['nothing', '', 'dropped: short'],
  ['RSV alone', '0000', 'dropped: short'],
  ['no address', '0000 00 01', 'dropped: short'],
  ['half an address', '0000 00 01 c000', 'dropped: short'],
  ['no port', '0000 00 01 c0000201 00', 'dropped: short'],
  ['half a name', `0000 00 03 0b ${ascii('exam')}`, 'dropped: short'],
  ['reserved bytes set', '0001 00 01 c0000201 0035 | 00', 'dropped: reserved'],
  ['the first fragment', '0000 01 01 c0000201 0035 | 00', 'dropped: fragment'],
  ['the last fragment', '0000 82 01 c0000201 0035 | 00', 'dropped: fragment'],
  ['an unknown address type', '0000 00 02 c0000201 0035 | 00', 'dropped: address'],
  ['port 0', '0000 00 01 c0000201 0000 | 00', 'dropped: address'],
  ['an empty name', '0000 00 03 00 0035 | 00', 'dropped: address'],
  ['a name with a blank', `0000 00 03 03 ${ascii('a b')} 0035 | 00`, 'dropped: address'],
  ['a name in latin1', '0000 00 03 05 fc2e636f6d 0035 | 00', 'dropped: address'],
]

for (const [name, bytes, read] of rows) {
  t.test(name, async (t) => {
    t.equal(words(hex(bytes)), read)
  })
}

t.test('what is written is read back', async (t) => {
  const longest = `${'a'.repeat(63)}.`.repeat(3) + 'b'.repeat(61)
  for (const host of ['192.0.2.1', '255.255.255.255', '2001:db8::1', '::1', 'example.com', longest]) {
    for (const port of [1, 53, 65_535]) {
      const peer = targetFromHost(host, port)
      const bytes = encodeSocks5Datagram(peer, Buffer.from('data'))
      t.same(parseSocks5Datagram(bytes), { kind: 'datagram', peer, data: Buffer.from('data') }, `${host} ${port}`)
      t.ok(bytes.length - 4 <= MAX_SOCKS5_UDP_HEADER)
    }
  }
})
