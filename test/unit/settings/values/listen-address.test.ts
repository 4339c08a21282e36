import t from 'tap'
import { isLocalOnly, parseListenAddress } from '../../../../src/settings/values/listen-address.ts'
import { formatListenAddress } from '../../../../src/wire/listen-address.ts'
import { reads, refuses } from '../../../fixtures/settings/value-table.ts'

const tcp = (host: string, port: number) => ({ kind: 'tcp' as const, host, port })

reads<unknown>('listening address', parseListenAddress, [
  ['127.0.0.1:3128', tcp('127.0.0.1', 3128)],
  ['0.0.0.0:1', tcp('0.0.0.0', 1)],
  ['10.1.2.3:65535', tcp('10.1.2.3', 65_535)],
  ['[::1]:3128', tcp('::1', 3128)],
  ['[::]:0', tcp('::', 0)],
  ['[FE80::1]:80', tcp('fe80::1', 80)],
  ['localhost:8080', tcp('127.0.0.1', 8080)],
  ['LOCALHOST:8080', tcp('127.0.0.1', 8080)],
  [3128, tcp('127.0.0.1', 3128)],
  ['3128', tcp('127.0.0.1', 3128)],
  [0, tcp('127.0.0.1', 0)],
  ['unix:/run/x.sock', { kind: 'unix', path: '/run/x.sock', mode: 0o600 }],
  ['unix:relative.sock', { kind: 'unix', path: 'relative.sock', mode: 0o600 }],
])
refuses('listening address', parseListenAddress, [
  ['', 'ADDRESS:PORT'],
  [':3128', 'write 0.0.0.0:3128'],
  ['*:3128', 'write 0.0.0.0:3128'],
  ['127.0.0.1', 'Add a port: 127.0.0.1:3128'],
  ['::1', '"[::1]:3128"'],
  ['2001:db8::1:3128', 'in brackets'],
  ['::1:3128', 'in brackets'],
  ['[::1]', 'ADDRESS:PORT'],
  ['[::1%eth0]:80', 'is not an address'],
  ['[127.0.0.1]:80', 'is not an address'],
  ['127.0.0.1:65536', 'is not a port'],
  ['127.0.0.1:999999', 'is not a port'],
  ['127.0.0.1:-1', 'ADDRESS:PORT'],
  ['127.0.0.1:http', 'ADDRESS:PORT'],
  ['127.1:3128', 'is not an address'],
  ['0x7f000001:3128', 'is not an address'],
  ['gateway.example:3128', 'Names other than localhost'],
  ['http://127.0.0.1:3128', 'Leave the scheme out'],
  ['/run/x.sock', 'unix:/run/x.sock'],
  ['unix:', 'needs a path'],
  [`unix:/${'x'.repeat(103)}`, 'too long'],
  [65_536, 'is not a port'],
  [1.5, 'is not a port'],
  [true, 'true is not a listening address'],
  [['127.0.0.1:1'], 'a list is not'],
])

t.test('who can reach it, and how it is written', async (t) => {
  const rows = [
    ['127.0.0.1:1', true],
    ['127.9.9.9:1', true],
    ['[::1]:1', true],
    ['unix:/a', true],
    ['0.0.0.0:1', false],
    ['[::]:1', false],
    ['192.168.1.1:1', false],
    ['[fe80::1]:1', false],
  ] as const
  for (const [text, local] of rows) {
    t.equal(isLocalOnly(parseListenAddress(text)), local, text)
    t.equal(formatListenAddress(parseListenAddress(text)), text)
  }
})
