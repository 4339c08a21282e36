import t from 'tap'
import { type Attribute, decodeMessages, encodeMessage } from '../../../src/passthrough/netlink.ts'
import { deletion, isEnd, listing, translation } from '../../../src/passthrough/rules/translation-messages.ts'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const TRANSLATED = 0x19e
const IPV4 = [
  { type: 1, value: bytes('0a4d0102') },
  { type: 2, value: bytes('c6336402') },
]
const IPV6 = [
  { type: 3, value: bytes('fd770001000000000000000000000002') },
  { type: 4, value: bytes('20010db8000000000000000000000053') },
]

/** What the kernel tells of one conversation. */
function tracked(given: {
  addresses?: readonly Attribute[]
  protocol?: number
  port?: string
  status?: string
  zone?: string
}): Buffer {
  const {
    addresses = IPV4,
    protocol = 17,
    port = '2328',
    status = TRANSLATED.toString(16).padStart(8, '0'),
    zone,
  } = given
  return encodeMessage({
    type: 0x100,
    flags: 2,
    sequence: 1,
    family: 2,
    resource: 0,
    attributes: [
      {
        type: 1,
        value: [
          { type: 1, value: addresses },
          {
            type: 2,
            value: [
              { type: 1, value: Buffer.from([protocol]) },
              { type: 2, value: bytes('9c41') },
              { type: 3, value: bytes(port) },
            ],
          },
        ],
      },
      { type: 3, value: bytes(status) },
      ...(zone ? [{ type: 18, value: bytes(zone) }] : []),
    ],
  })
}
const read = (given: Parameters<typeof tracked>[0]) => translation(decodeMessages(tracked(given))[0]!)

t.test('datagrams whose source is translated', async (t) => {
  t.match(read({}), { source: '10.77.1.2', target: '198.51.100.2', port: 9000, zone: undefined })
  t.match(read({ addresses: IPV6, port: '0035' }), { source: 'fd77:1::2', target: '2001:db8::53', port: 53 })
  t.match(read({ zone: '0007' }), { zone: bytes('0007') })
})

t.test('all else', async (t) => {
  const rows: readonly [title: string, given: Parameters<typeof tracked>[0]][] = [
    ['TCP', { protocol: 6 }],
    ['not translated', { status: '0000018e' }],
    ['only its target translated', { status: '000001ae' }],
    ['a status cut short', { status: '019e' }],
    ['no addresses', { addresses: [] }],
    ['an address cut short', { addresses: [IPV4[0]!, { type: 2, value: bytes('c633') }] }],
    ['a port cut short', { port: '23' }],
  ]
  for (const [title, given] of rows) t.equal(read(given), undefined, title)
  t.equal(translation({ type: 0x100, sequence: 0, attributes: new Map() }), undefined, 'nothing')
})

t.test('is deleted by what the kernel knows it by', async (t) => {
  const asked = (given: Parameters<typeof tracked>[0]) => {
    const [message] = decodeMessages(deletion(10, read(given)!))
    return {
      type: message!.type,
      attributes: [...message!.attributes].map(([type, value]) => [type, value.toString('hex')]),
    }
  }
  const original = read({})!.original
  t.same(asked({}), { type: 0x102, attributes: [[1, Buffer.from(original).toString('hex')]] })
  t.same(asked({ zone: '0007' }).attributes[1], [18, '0007'], 'in its zone')
})

t.test('a list is asked for, and its end seen', async (t) => {
  const message = listing(2)
  t.same([message.readUInt16LE(4), message.readUInt16LE(6), message[16]], [0x101, 0x301, 2])
  const done = Buffer.from(message)
  done.writeUInt16LE(3, 4)
  t.ok(isEnd(decodeMessages(done)[0]!))
  t.notOk(isEnd(decodeMessages(message)[0]!))
})
