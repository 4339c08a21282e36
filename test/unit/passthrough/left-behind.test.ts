import { endianness } from 'node:os'
import t from 'tap'
import { type LeftBehind, leftBehind } from '../../../src/passthrough/rules/left-behind.ts'
import type { CommandResult } from '../../../src/passthrough/rules/run-command.ts'

const TABLE = `table inet fairlead { # handle 7
  chain deliver {
    udp dport 53 meta mark set 0x00f12000 tproxy ip to 127.0.0.1:42004 accept
    meta l4proto tcp meta mark set 0x00f12000 tproxy ip to 127.0.0.1:40004 accept
    meta l4proto udp meta mark set 0x00f12000 tproxy ip to 127.0.0.1:41004 accept
  }
}`
const RULES = JSON.stringify([{ priority: 7766, fwmark: '0xf12000', table: '7766', protocol: '166' }])
const said = (stdout: string, stderr = '', code = 0): CommandResult => ({ code, stdout, stderr })
const OTHERS = said(JSON.stringify([{ priority: 1, fwmark: '0x1', table: '9' }]))
const ABSENT = said('', 'Error: No such file or directory', 1)
const DENIED = said('', 'Operation not permitted (you must be root)', 1)
const HUNG: CommandResult = { code: null, stdout: '', stderr: '' }
const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'

/** A socket under an address in hexadecimal as on the wire. */
function row(hex: string, port: number, state: string, inode = 4_711): string {
  const bytes = Buffer.from(hex, 'hex')
  if (endianness() === 'LE') bytes.swap32()
  const local = `${bytes.toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase()
  return `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1\n`
}
const LOOPBACK = '7f000001'
const ELSEWHERE = 'cb007114'
const [LISTENS, STANDS, UNCONNECTED] = ['0A', '01', '07']

interface Machine {
  readonly rules?: CommandResult
  readonly table?: CommandResult
  readonly tcp?: string
  readonly tcp6?: string
  readonly udp?: string
}

function found({ rules = said(RULES), table = said(TABLE), ...sockets }: Machine): Promise<LeftBehind> {
  return leftBehind({
    families: [4, 6],
    ownAddresses: () => ['192.0.2.1', '2001:db8::1'],
    run: async ([program, family]) => (program === 'nft' ? table : family === '-4' ? rules : said('')),
    readFile: async (path) => HEAD + ((sockets as Record<string, string>)[path.replace('/proc/net/', '')] ?? ''),
  })
}

t.test('whose rules stand that this gateway has not made', async (t) => {
  const rows: [title: string, machine: Machine, expected: LeftBehind['whose']][] = [
    ['none', { rules: said('[]'), table: ABSENT }, 'nothing'],
    ['of somebody else', { rules: OTHERS, table: ABSENT }, 'nothing'],
    ['no `ip` that tells', { rules: said('', 'Operation not supported', 2) }, 'nothing'],
    ['a table that somebody has flushed', { table: ABSENT }, 'nothing'],
    ['no rights', { table: DENIED }, 'untold'],
    ['policy rules that somebody has flushed', { rules: said('[]') }, 'dead'],
    ['the same beside those of others', { rules: OTHERS }, 'dead'],
    ['of a gateway that runs', { rules: said('[]'), tcp: row(LOOPBACK, 40_004, LISTENS) }, 'alive'],
    ['no policy rules, and no rights to see more', { rules: said('[]'), table: DENIED }, 'nothing'],
    ['no policy rules, and an nft that hangs', { rules: said('[]'), table: HUNG }, 'nothing'],
    ['no table that could be told from the next', { table: said(TABLE.replace(/ # handle 7/, '')) }, 'untold'],
    ['killed', {}, 'dead'],
    [
      'killed, on a machine that has other sockets',
      {
        tcp: row('c0000201', 443, STANDS) + row(LOOPBACK, 40_004, STANDS) + row('00000000', 80, LISTENS),
        tcp6: row('20010db8000000000000000000000001', 443, STANDS) + row('00000000000000000000ffffc0000201', 1, STANDS),
        udp: row(LOOPBACK, 41_004, UNCONNECTED),
      },
      'dead',
    ],
    ['killed, and the kernel still ends its connections', { tcp: row(ELSEWHERE, 80, '04', 0) }, 'dead'],
    ['it runs', { tcp: row(LOOPBACK, 40_004, LISTENS) }, 'alive'],
    ['it drains a connection', { tcp: row(ELSEWHERE, 80, STANDS) }, 'ending'],
    ['of IPv6', { tcp6: row('20010db8000000000000000000000009', 80, '08') }, 'ending'],
    ['datagrams', { udp: row(LOOPBACK, 41_004, UNCONNECTED) + row(LOOPBACK, 42_004, UNCONNECTED) }, 'ending'],
  ]
  for (const [title, machine, expected] of rows) t.equal((await found(machine)).whose, expected, title)
})

t.test(
  'of what a killed gateway has left, the table is told from those that others may put in its place',
  async (t) => {
    t.same(await found({}), { whose: 'dead', handle: '7' })
  },
)

t.test('what keeps it from being told is said', async (t) => {
  const refused = said('', 'Error: Operation not permitted\n', 1)
  t.same(await found({ table: refused }), { whose: 'untold', why: 'Error: Operation not permitted', lacksRights: true })
  t.match(await found({ table: HUNG }), { whose: 'untold', why: /nft/, lacksRights: false })
})

t.test('where the sockets cannot be listed, nobody is dead', async (t) => {
  const told = (failing: string, code: string) =>
    leftBehind({
      families: [4],
      ownAddresses: () => [],
      run: async ([program]) => said(program === 'nft' ? TABLE : RULES),
      readFile: async (path) => {
        if (path === `/proc/net/${failing}`) throw Object.assign(new Error(`${code}: ${path}`), { code })
        return HEAD
      },
    })
  t.match(await told('tcp', 'EMFILE'), { whose: 'untold', why: 'EMFILE: /proc/net/tcp', lacksRights: false })
  t.match(await told('udp6', 'EACCES'), { whose: 'untold' })
  t.match(await told('tcp', 'ENOENT'), { whose: 'untold' }, 'no /proc')
  t.match(await told('tcp6', 'ENOENT'), { whose: 'dead' }, 'no IPv6')
})

t.test('programs that are not installed', async (t) => {
  const without = (missing: string, rules = RULES) =>
    leftBehind({
      families: [4],
      ownAddresses: () => [],
      run: async ([program]) => {
        if (program === missing) throw new Error('ENOENT')
        return said(rules)
      },
    })
  t.equal((await without('ip')).whose, 'nothing')
  t.match(await without('nft'), { whose: 'untold', why: 'ENOENT', lacksRights: false })
  t.equal((await without('nft', '[]')).whose, 'nothing')
})
