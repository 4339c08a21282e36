import { connect } from 'node:net'
import t from 'tap'
import { startTestGateway } from '../fixtures/gateway.ts'
import { listen } from '../fixtures/upstreams/listen.ts'

const hex = (text: string) => Buffer.from(text.replace(/\s/g, ''), 'hex')
const text = (ascii: string) => Buffer.from(ascii, 'latin1').toString('hex')
/** GENERAL FAILURE and the others, as a whole SOCKS5 reply. */
const reply5 = (code: string) => `05${code}0001000000000000`
const REFUSED4 = '005b000000000000'

/** What a client sends, and all that it gets before the door closes. `PP` stands for the port of an origin that must never be reached. */
const OPEN: ReadonlyArray<readonly [what: string, sends: string, gets: string]> = [
  ['no methods', '0500', '05ff'],
  ['only methods that are not offered', '0502 0102', '05ff'],
  ['255 methods, none of them known', `05ff ${'80'.repeat(255)}`, '05ff'],
  ['a request of version 4', '050100 04010001 7f000001 PP', `0500${reply5('01')}`],
  ['a request of version 0', '050100 00010001 7f000001 PP', `0500${reply5('01')}`],
  ['a reserved byte that is not zero', '050100 05010101 7f000001 PP', `0500${reply5('01')}`],
  ['BIND', '050100 05020001 7f000001 PP', `0500${reply5('07')}`],
  ['UDP ASSOCIATE with half an address', '050100 05030002 7f00', `0500${reply5('08')}`],
  ['command 0', '050100 05000001 7f000001 PP', `0500${reply5('07')}`],
  ['command 255', '050100 05ff0001 7f000001 PP', `0500${reply5('07')}`],
  ['address type 0', '050100 05010000 7f000001 PP', `0500${reply5('08')}`],
  ['address type 2', '050100 05010002 7f000001 PP', `0500${reply5('08')}`],
  ['address type 255', '050100 050100ff 7f000001 PP', `0500${reply5('08')}`],
  ['port 0', '050100 05010001 7f000001 0000', `0500${reply5('01')}`],
  ['an empty name', '050100 05010003 00 PP', `0500${reply5('01')}`],
  ['a NUL in a name', `050100 05010003 0b ${text('a.test\0.b.c')} PP`, `0500${reply5('01')}`],
  ['a CR LF in a name', `050100 05010003 0a ${text('a.test\r\nX:')} PP`, `0500${reply5('01')}`],
  ['user information in a name', `050100 05010003 0b ${text('u@127.0.0.1')} PP`, `0500${reply5('01')}`],
  ['a port in a name', `050100 05010003 0c ${text('127.0.0.1:80')}0050`, `0500${reply5('01')}`],
  ['a URL for a name', `050100 05010003 10 ${text('http://127.0.0.1')} PP`, `0500${reply5('01')}`],
  ['a name that is not UTF-8', `050100 05010003 04 ${text('a\xff\xfeb')} PP`, `0500${reply5('01')}`],
  ['a label of 64', `050100 05010003 40 ${text('a'.repeat(64))} PP`, `0500${reply5('01')}`],
  ['a name of 255', `050100 05010003 ff ${text('a.'.repeat(127))}61 PP`, `0500${reply5('01')}`],
  ['only dots', `050100 05010003 03 ${text('...')} PP`, `0500${reply5('01')}`],
  ['an IPv6 zone', `050100 05010003 0c ${text('fe80::1%eth0')} PP`, `0500${reply5('01')}`],
  ['SOCKS4: BIND', '0402 PP 7f000001 00', REFUSED4],
  ['SOCKS4: command 3', '0403 PP 7f000001 00', REFUSED4],
  ['SOCKS4: port 0', '0401 0000 7f000001 00', REFUSED4],
  ['SOCKS4: a user id without end', `0401 PP 7f000001 ${text('u'.repeat(600))}`, REFUSED4],
  ['SOCKS4a: an empty name', '0401 PP 00000001 00 00', REFUSED4],
  ['SOCKS4a: a name without end', `0401 PP 00000001 00 ${text('n'.repeat(600))}`, REFUSED4],
  ['SOCKS4a: a bad name', `0401 PP 00000001 00 ${text('a b')}00`, REFUSED4],
  ['SOCKS4a: a name that is not UTF-8', `0401 PP 00000001 00 ${text('\xff\xfe')}00`, REFUSED4],
] // biome-ignore format: one client a line

const NAME = text('alice')
/** The same where the door asks for `alice` and `correct`. */
const GUARDED: ReadonlyArray<readonly [what: string, sends: string, gets: string]> = [
  ['no authentication', '050100 05010001 7f000001 PP', '05ff'],
  ['a wrong password', `050102 0105 ${NAME} 05 ${text('guess')}`, '05020101'],
  ['an empty password', `050102 0105 ${NAME} 00`, '05020101'],
  ['an empty user name', `050102 01 00 07 ${text('correct')}`, '05020101'],
  ['a wrong user', `050102 0103 ${text('bob')} 07 ${text('correct')}`, '05020101'],
  ['a NUL behind the name', `050102 0106 ${NAME}00 07 ${text('correct')}`, '05020101'],
  ['a NUL behind the password', `050102 0105 ${NAME} 08 ${text('correct')}00`, '05020101'],
  ['a colon in the name', `050102 010d ${text('alice:correct')} 00`, '05020101'],
  ['bytes that are not UTF-8', `050102 0105 ${text('\xff\xfe\xc0\x80\xed')} 02 a080`, '05020101'],
  ['255 bytes of each', `050102 01ff ${'61'.repeat(255)} ff ${'62'.repeat(255)}`, '05020101'],
  ['a password for a property of objects', `050102 0109 ${text('__proto__')} 07 ${text('correct')}`, '05020101'],
  ['a sub-negotiation of version 5', `050102 0505 ${NAME} 07 ${text('correct')}`, '0502'],
  ['the request in place of the password', '050102 05010001 7f000001 PP', '0502'],
  ['SOCKS4 with the name for a user id', `0401 PP 7f000001 ${NAME}00`, REFUSED4],
] // biome-ignore format: one client a line

for (const [door, table] of [
  ['open', OPEN],
  ['guarded', GUARDED],
] as const) {
  t.test(`the ${door} door: what is malformed is refused in SOCKS, at once and byte by byte`, async (t) => {
    const origin = await listen((socket) => socket.destroy())
    t.teardown(() => origin.close())
    const auth = door === 'guarded' ? { auth: { users: { alice: 'correct' } } } : {}
    const { port, flows, gateway } = await startTestGateway(t, { listen: { mixed: '127.0.0.1:0', ...auth } })
    const portBytes = origin.port.toString(16).padStart(4, '0')
    for (const [what, sends, gets] of table) {
      const bytes = hex(sends.replaceAll('PP', portBytes))
      t.equal((await talk(port, [bytes])).toString('hex'), gets, what)
      t.equal(
        (
          await talk(
            port,
            Array.from(bytes, (byte) => Buffer.of(byte)),
          )
        ).toString('hex'),
        gets,
        `${what}, byte by byte`,
      )
      const split = bytes.length >> 1
      t.equal(
        (await talk(port, [bytes.subarray(0, split), bytes.subarray(split)])).toString('hex'),
        gets,
        `${what}, in two`,
      )
    }
    t.equal(origin.accepted, 0)
    t.same(flows(), [])
    t.equal(gateway.status().liveFlows, 0)
  })
}

/** Everything that comes back until the door ends. */
function talk(port: number, pieces: readonly Buffer[]): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    const parts: Buffer[] = []
    const next = ([piece, ...rest]: readonly Buffer[]) => {
      if (piece && !socket.destroyed) socket.write(piece, () => setImmediate(() => next(rest)))
    }
    socket.on('connect', () => next(pieces))
    socket.on('data', (part) => parts.push(part))
    socket.on('error', () => {})
    socket.on('end', () => socket.destroy())
    socket.on('close', () => resolve(Buffer.concat(parts)))
  })
}
