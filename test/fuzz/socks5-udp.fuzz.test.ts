import { test } from 'tap'
import { encodeSocks5Datagram, parseSocks5Datagram } from '../../src/wire/socks5-udp.ts'
import { seededRandom } from '../fixtures/seeded-random.ts'

const ROUNDS = 50_000

test('whatever comes as a SOCKS datagram is read or dropped, and what was read is written back alike', async (t) => {
  const random = seededRandom(0xd6)
  const pieces = [
    '\0\0\0',
    '\x01\x7f\0\0\x01\0\x35',
    `\x04${'\0'.repeat(15)}\x01\0\x35`,
    '\x03\x06a.test\x01\xbb',
    'data',
    '\xff'.repeat(20),
  ]
  let read = 0
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = Buffer.from(random.pick(['\0\0\0', '']) + random.text(pieces, 3), 'latin1')
    for (let faults = random.below(3); faults > 0 && bytes.length > 0; faults--) {
      bytes[random.below(bytes.length)] = random.below(256)
    }
    const result = parseSocks5Datagram(bytes)
    if (result.kind === 'dropped') continue
    read++
    const again = parseSocks5Datagram(encodeSocks5Datagram(result.peer, result.data))
    if (JSON.stringify(again) !== JSON.stringify(result)) t.fail(`${bytes.toString('hex')} is read otherwise again`)
    if (!bytes.subarray(bytes.length - result.data.length).equals(result.data))
      t.fail(`${bytes.toString('hex')}: other data`)
  }
  t.ok(read > ROUNDS / 20, `${read} were datagrams`)
})
