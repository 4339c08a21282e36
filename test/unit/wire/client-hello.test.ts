import { readFileSync } from 'node:fs'
import t from 'tap'
import { readClientHello } from '../../../src/wire/client-hello.ts'
import { clientHello, type HelloParts, records } from '../../fixtures/client-hello.ts'

const REAL = readFileSync(new URL('../../fixtures/client-hello.bin', import.meta.url))

t.test('what OpenSSL sends', async (t) => {
  t.same(readClientHello(REAL), { kind: 'hello', serverName: 'origin.test', encrypted: false })
})

const rows: readonly (readonly [title: string, parts: HelloParts, expected: object])[] = [
  ['a name', { names: ['www.example.com'] }, { serverName: 'www.example.com', encrypted: false }],
  ['no name', {}, { encrypted: false }],
  ['no extensions at all, as before TLS 1.2', { extensions: 'none' }, { encrypted: false }],
  ['GREASE around it (RFC 8701)', { names: ['a.test'], grease: true }, { serverName: 'a.test', encrypted: false }],
  ['an empty name', { names: [''] }, { encrypted: false }],
  ['two names: the first', { names: ['a.test', 'b.test'] }, { serverName: 'a.test', encrypted: false }],
  ['an outer name with ECH', { names: ['front.test'], encrypted: true }, { serverName: 'front.test', encrypted: true }],
  ['a post-quantum key share', { names: ['a.test'], padding: 1500 }, { serverName: 'a.test', encrypted: false }],
]

for (const [title, parts, expected] of rows) {
  t.test(title, async (t) => {
    t.same(readClientHello(records(clientHello(parts))), { kind: 'hello', ...expected })
  })
}

t.test('however it is cut: every prefix wants more, every record size is put together', async (t) => {
  const hello = clientHello({ names: ['www.example.com'], grease: true, padding: 300 })
  const whole = records(hello)
  for (let length = 0; length < whole.length; length++) {
    t.equal(readClientHello(whole.subarray(0, length)).kind, 'more', `${length} bytes`)
  }
  for (const size of [1, 2, 3, 4, 5, 7, 64, 255]) {
    const cut = records(hello, size)
    t.match(readClientHello(cut), { serverName: 'www.example.com' }, `records of ${size}`)
    t.equal(readClientHello(cut.subarray(0, -1)).kind, 'more')
  }
  t.match(readClientHello(Buffer.concat([whole, Buffer.from('what follows')])), { serverName: 'www.example.com' })
})

t.test('what is none', async (t) => {
  for (const hex of [
    '00',
    '47455420', // GET
    '1503010002022a', // an alert
    '16020100010100', // not version 3
    '160301000000', // an empty record
    '1603014a0001', // a record longer than there can be
    '16030100040200000000', // a ServerHello
    '160301000401ffffff', // a message longer than any
    '16030100060100000203', // cut short inside itself, and complete
  ]) {
    const kind = readClientHello(Buffer.from(hex, 'hex')).kind
    t.ok(kind === 'other' || (kind === 'more' && hex.length >= 20), `${hex}: ${kind}`)
  }
  const lying = clientHello({ names: ['a.test'] })
  for (let at = 38; at < lying.length; at++) {
    const changed = Buffer.from(lying)
    changed[at] = 255
    t.match(readClientHello(records(changed)).kind, /hello|other/, `byte ${at}`)
  }
})
