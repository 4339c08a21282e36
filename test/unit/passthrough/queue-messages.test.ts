import t from 'tap'
import { readQueued, verdict } from '../../../src/passthrough/hold/queue-messages.ts'
import { decodeMessages, encodeMessage } from '../../../src/passthrough/netlink.ts'

/** A message of the kernel about packet 7, with these bytes of it. */
function queued(payload: Buffer): Buffer {
  return encodeMessage({
    type: 3 << 8,
    flags: 0,
    sequence: 0,
    family: 2,
    resource: 7766,
    attributes: [
      { type: 1, value: Buffer.from('0000000708000100', 'hex') },
      { type: 10, value: payload },
    ],
  })
}

const TCP = 'a1b201bb00000007' // ports 41394 and 443, sequence number 7
const rows: readonly (readonly [title: string, packet: string, expected: object | undefined])[] = [
  [
    'IPv4',
    `45000028000040004006000 00a4d05020a4d0214${TCP}`,
    { source: { address: '10.77.5.2', port: 41394 }, dialled: { address: '10.77.2.20', family: 4, port: 443 } },
  ],
  [
    'IPv4 with options',
    `460000280000400040060000 0a4d05020a4d0214 01010101 ${TCP}`,
    { source: { address: '10.77.5.2', port: 41394 }, dialled: { address: '10.77.2.20', family: 4, port: 443 } },
  ],
  [
    'IPv6',
    `6000000000140640 fd770005000000000000000000000002 fd770002000000000000000000000020 ${TCP}`,
    { source: { address: 'fd77:5::2', port: 41394 }, dialled: { address: 'fd77:2::20', family: 6, port: 443 } },
  ],
  ['UDP', `45000028000040004011000 00a4d05020a4d0214${TCP}`, undefined],
  [
    'IPv6 with an extension header',
    `6000000000140040 fd770005000000000000000000000002 fd770002000000000000000000000020 ${TCP}`,
    undefined,
  ],
  ['cut short', '4500002800004000400600000a4d05020a4d0214', undefined],
  ['nothing', '', undefined],
]

t.test('what the kernel hands over', async (t) => {
  for (const [title, hex, expected] of rows) {
    const { syns, unread } = readQueued(queued(Buffer.from(hex.replaceAll(' ', ''), 'hex')))
    if (expected) t.match(syns, [{ packet: 7, sequence: 7, ...expected }], title)
    // What cannot be read must not wait in the kernel for ever.
    else t.same({ syns, unread }, { syns: [], unread: [7] }, title)
  }
})

t.test('two messages in one datagram, and an error', async (t) => {
  const error = Buffer.alloc(20)
  error.writeUInt32LE(20, 0)
  error.writeUInt16LE(2, 4)
  error.writeInt32LE(-1, 16)
  const one = queued(Buffer.alloc(0))
  t.same(readQueued(Buffer.concat([one, error, one])), { syns: [], unread: [7, 7], errors: [-1] })
})

t.test('cut anywhere, changed anywhere: never throws', async (t) => {
  const whole = queued(Buffer.from(rows[2]![1].replaceAll(' ', ''), 'hex'))
  for (let at = 0; at < whole.length; at++) {
    readQueued(whole.subarray(0, at))
    for (const value of [0, 1, 127, 255]) {
      const changed = Buffer.from(whole)
      changed[at] = value
      readQueued(changed)
    }
  }
  t.pass()
})

t.test('verdicts', async (t) => {
  const [again] = decodeMessages(verdict(7766, 9, 0xf12001))
  t.same(again?.attributes.get(2)?.toString('hex'), '0000000400000009', 'repeat packet 9')
  t.same(again?.attributes.get(3)?.toString('hex'), '00f12001', 'with this mark')
  const [drop] = decodeMessages(verdict(7766, 9, undefined))
  t.same(drop?.attributes.get(2)?.toString('hex'), '0000000000000009')
  t.equal(drop?.attributes.has(3), false)
})
