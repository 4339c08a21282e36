import t from 'tap'
import type { DoorAuth } from '../../../src/contracts/door.ts'
import { ERROR_CODES } from '../../../src/contracts/gateway-error.ts'
import { SocksConversation, type SocksStep, socks5ReplyFor } from '../../../src/wire/socks-conversation.ts'

const alice: DoorAuth = { verify: (username, password) => username === 'alice' && password === 'pä:ss' }

const hex = (text: string) => Buffer.from(text.replaceAll(/[\s|]/g, ''), 'hex')
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex')

/** What a step comes to, in words: `send 0500; request example.com:443 user=alice rest=abcd`. */
function words(step: SocksStep): string {
  const send = step.send ? `send ${step.send.toString('hex')}; ` : ''
  switch (step.kind) {
    case 'more':
      return `${send}more`
    case 'failed':
      return `${send}failed ${step.error.code}`
    case 'request': {
      const { version, host, port, user } = step.request
      return `${send}request${version} ${host} ${port}${user ? ` user=${user}` : ''}${step.rest.length ? ` rest=${step.rest.toString('hex')}` : ''}`
    }
  }
}

interface Row {
  readonly name: string
  readonly auth?: DoorAuth
  /** Hex; spaces and bars are for the reader. */
  readonly bytes: string
  readonly steps: string
}

const longUser = '61'.repeat(256)

const rows: Row[] = [
  {
    name: 'SOCKS5 name',
    bytes: `050100 | 05010003 0b ${ascii('example.com')} 01bb`,
    steps: 'send 0500; request5 example.com 443',
  },
  { name: 'SOCKS5 IPv4', bytes: '050100 | 05010001 c0000201 0050', steps: 'send 0500; request5 192.0.2.1 80' },
  {
    name: 'SOCKS5 IPv6',
    bytes: '050100 | 05010004 20010db8000000000000000000000001 0050',
    steps: 'send 0500; request5 2001:db8:0:0:0:0:0:1 80',
  },
  {
    name: 'SOCKS5 with early bytes',
    bytes: '050100 | 05010001 c0000201 0050 | 474554',
    steps: 'send 0500; request5 192.0.2.1 80 rest=474554',
  },
  {
    name: 'SOCKS5 among several methods',
    bytes: '0503000102 | 05010001 c0000201 0050',
    steps: 'send 0500; request5 192.0.2.1 80',
  },
  { name: 'SOCKS5 UTF-8 name', bytes: `050100 | 05010003 06 c3bc2e636f6d 0050`, steps: 'send 0500; request5 ü.com 80' },
  {
    name: 'SOCKS5 name in latin1',
    bytes: `050100 | 05010003 05 fc2e636f6d 0050`,
    steps: 'send 0500 05010001000000000000; failed BAD_REQUEST',
  },
  {
    name: 'SOCKS5 empty name',
    bytes: `050100 | 05010003 00 0050`,
    steps: 'send 0500 05010001000000000000; failed BAD_REQUEST',
  },
  {
    name: 'SOCKS5 BIND',
    bytes: '050100 | 05020001 c0000201 0050',
    steps: 'send 0500 05070001000000000000; failed COMMAND_NOT_SUPPORTED',
  },
  {
    name: 'SOCKS5 ASSOCIATE where it is not offered',
    bytes: '050100 | 05030001 00000000 0000',
    steps: 'send 0500 05070001000000000000; failed COMMAND_NOT_SUPPORTED',
  },
  {
    name: 'SOCKS5 unknown command',
    bytes: '050100 | 05f00001 c0000201 0050',
    steps: 'send 0500 05070001000000000000; failed COMMAND_NOT_SUPPORTED',
  },
  {
    name: 'SOCKS5 unknown address type',
    bytes: '050100 | 05010002',
    steps: 'send 0500 05080001000000000000; failed ADDRESS_TYPE_NOT_SUPPORTED',
  },
  {
    name: 'SOCKS5 reserved byte set',
    bytes: '050100 | 05010101',
    steps: 'send 0500 05010001000000000000; failed BAD_REQUEST',
  },
  {
    name: 'SOCKS5 request of another version',
    bytes: '050100 | 04',
    steps: 'send 0500 05010001000000000000; failed BAD_REQUEST',
  },
  { name: 'SOCKS5 no methods at all', bytes: '0500', steps: 'send 05ff; failed BAD_REQUEST' },
  {
    name: 'SOCKS5 only a password is offered where none is asked',
    bytes: '050102',
    steps: 'send 05ff; failed BAD_REQUEST',
  },
  { name: 'SOCKS5 only GSSAPI', bytes: '050101', steps: 'send 05ff; failed BAD_REQUEST' },
  {
    name: 'SOCKS5 password',
    auth: alice,
    bytes: `05020002 | 01 05 ${ascii('alice')} 06 70c3a43a7373 | 05010001 c0000201 0050`,
    steps: 'send 0502 0100; request5 192.0.2.1 80 user=alice',
  },
  {
    name: 'SOCKS5 wrong password',
    auth: alice,
    bytes: `050102 | 01 05 ${ascii('alice')} 01 78`,
    steps: 'send 0502 0101; failed AUTH_REQUIRED',
  },
  {
    name: 'SOCKS5 empty user and password',
    auth: alice,
    bytes: '050102 | 010000',
    steps: 'send 0502 0101; failed AUTH_REQUIRED',
  },
  {
    name: 'SOCKS5 no credentials offered where they are asked',
    auth: alice,
    bytes: '050100',
    steps: 'send 05ff; failed AUTH_REQUIRED',
  },
  {
    name: 'SOCKS5 password message of another version',
    auth: alice,
    bytes: '050102 | 05',
    steps: 'send 0502; failed BAD_REQUEST',
  },
  { name: 'SOCKS4', bytes: '0401 0050 c0000201 00', steps: 'request4 192.0.2.1 80' },
  {
    name: 'SOCKS4 with user id and early bytes',
    bytes: `0401 0050 c0000201 ${ascii('root')}00 | 68690a`,
    steps: 'request4 192.0.2.1 80 rest=68690a',
  },
  { name: 'SOCKS4 0.0.0.0 is an address', bytes: '0401 0050 00000000 00', steps: 'request4 0.0.0.0 80' },
  { name: 'SOCKS4a', bytes: `0401 01bb 00000001 00 ${ascii('example.com')}00`, steps: 'request4 example.com 443' },
  { name: 'SOCKS4a empty name', bytes: '0401 01bb 00000001 00 00', steps: 'send 005b000000000000; failed BAD_REQUEST' },
  {
    name: 'SOCKS4a endless name',
    bytes: `0401 01bb 00000001 00 ${longUser}`,
    steps: 'send 005b000000000000; failed BAD_REQUEST',
  },
  {
    name: 'SOCKS4 endless user id',
    bytes: `0401 0050 c0000201 ${longUser}`,
    steps: 'send 005b000000000000; failed BAD_REQUEST',
  },
  { name: 'SOCKS4 BIND', bytes: '0402 0050 c0000201 00', steps: 'send 005b000000000000; failed COMMAND_NOT_SUPPORTED' },
  {
    name: 'SOCKS4 where credentials are asked',
    auth: alice,
    bytes: '0401 0050 c0000201 00',
    steps: 'send 005b000000000000; failed AUTH_REQUIRED',
  },
  { name: 'not SOCKS', bytes: '474554', steps: 'failed BAD_REQUEST' },
]

for (const row of rows) {
  t.test(row.name, async (t) => {
    const bytes = hex(row.bytes)
    const expected = row.steps.replace(/send ([0-9a-f ]+);/, (_, sent: string) => `send ${sent.replaceAll(' ', '')};`)
    t.equal(words(new SocksConversation(row.auth).push(bytes)), expected, 'in one piece')

    const conversation = new SocksConversation(row.auth)
    const sent: Buffer[] = []
    let last: SocksStep = { kind: 'more' }
    let used = 0
    for (; used < bytes.length && last.kind === 'more'; used++) {
      last = conversation.push(bytes.subarray(used, used + 1))
      if (last.send) sent.push(last.send)
    }
    const tail = bytes.subarray(used)
    const whole: SocksStep = { ...last, ...(sent.length ? { send: Buffer.concat(sent) } : {}) }
    const restored = whole.kind === 'request' && tail.length ? { ...whole, rest: tail } : whole
    t.equal(words(restored), expected, 'byte by byte')
  })
}

t.test('a truncated message only ever asks for more', async (t) => {
  const whole = hex(`050100 | 05010003 0b ${ascii('example.com')} 01bb`)
  for (let length = 0; length < whole.length; length++) {
    t.equal(new SocksConversation().push(whole.subarray(0, length)).kind, 'more', `${length} bytes`)
  }
})

t.test('the five failures a client must be able to tell apart have five replies', async (t) => {
  const replies = [
    'CONNECT_REFUSED',
    'HOST_UNREACHABLE',
    'RESOLVE_FAILED',
    'POLICY_REJECTED',
    'CONNECT_TIMEOUT',
  ] as const
  t.equal(new Set(replies.map(socks5ReplyFor)).size, replies.length)
  for (const code of ERROR_CODES) t.ok(socks5ReplyFor(code) >= 1 && socks5ReplyFor(code) <= 8, code)
})

t.test('random bytes end in a step, never in a crash, and hold no more than a message', async (t) => {
  let seed = 20260101
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
  const kinds = new Set<string>()
  for (let run = 0; run < 20_000; run++) {
    const conversation = new SocksConversation(random() < 0.5 ? alice : undefined)
    let pushed = 0
    for (let chunk = 0; chunk < 8; chunk++) {
      const bytes = Buffer.from(
        Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * (random() < 0.7 ? 6 : 256))),
      )
      if (chunk === 0) bytes[0] = random() < 0.5 ? 5 : 4
      pushed += bytes.length
      const step = conversation.push(bytes)
      kinds.add(step.kind)
      if (step.kind !== 'more') break
      if (pushed > 600) t.fail(`still asking for more after ${pushed} bytes`)
    }
  }
  t.same([...kinds].sort(), ['failed', 'more', 'request'])
})

t.test('ASSOCIATE where it is offered', async (t) => {
  const offered = new SocksConversation(undefined, { offersAssociate: true })
  const step = offered.push(hex('050100 | 05030001 00000000 0000'))
  t.match(step, { kind: 'request', request: { version: 5, command: 'associate', host: '0.0.0.0', port: 0 } })
  const bound = { host: '2001:db8::1', family: 6, port: 4660 } as const
  t.equal(offered.replyAssociated(bound).toString('hex'), '0500000420010db8000000000000000000000001' + '1234')
  const bind = new SocksConversation(undefined, { offersAssociate: true })
  t.match(words(bind.push(hex('050100 | 05020001 c0000201 0050'))), /failed COMMAND_NOT_SUPPORTED/)
})
