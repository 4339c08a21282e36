import t from 'tap'
import { encodePortUnreachable, internetChecksum } from '../../../src/wire/icmp-unreachable.ts'

const hex = (text: string) => text.replaceAll(/[\s|]/g, '')

t.test('IPv4 (RFC 792)', async (t) => {
  const ends = { client: '172.17.0.2', clientPort: 0x9c40, far: '192.0.2.1', farPort: 443 }
  const message = encodePortUnreachable(4, ends)
  t.equal(
    message.toString('hex'),
    hex('0303 5ef9 00000000 | 4500001c 00000000 4011 0cbd ac110002 c0000201 | 9c40 01bb 0008 0000'),
  )
  t.equal(internetChecksum(message), 0, 'the message sums up')
  t.equal(internetChecksum(message.subarray(8, 28)), 0, 'so does the header in it')
})

t.test('IPv6 (RFC 4443 §3.1)', async (t) => {
  const ends = { client: 'fd00::2', clientPort: 0x9c40, far: '2001:db8::1', farPort: 53 }
  t.equal(
    encodePortUnreachable(6, ends).toString('hex'),
    hex(
      `0104 0000 00000000 | 60000000 0008 11 40 fd00${'00'.repeat(13)}02 20010db8${'00'.repeat(11)}01 | 9c40 0035 0008 0000`,
    ),
  )
})
