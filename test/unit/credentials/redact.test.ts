import t from 'tap'
import { Secret } from '../../../src/contracts/secret.ts'
import { createRedactor, redact } from '../../../src/credentials/redact.ts'
import { maskAnyUserInfo } from '../../../src/wire/mask-user-info.ts'

const rows: readonly (readonly [string, string])[] = [
  ['nothing to hide', 'nothing to hide'],
  ['http://bob:pw@a:1/x', 'http://***@a:1/x'],
  ['http://token@a', 'http://***@a'],
  ['http://bob:p@w@a', 'http://***@a'],
  ['socks5h://b:p@[::1]:1 and https://c:d@e', 'socks5h://***@[::1]:1 and https://***@e'],
  ['"http://bob:pw@a"', '"http://***@a"'],
  ['[http://b:p@a,http://c:d@e]', '[http://***@a,http://***@e]'],
  ['https://registry.example/@scope/name', 'https://registry.example/@scope/name'],
  ['https://h/?mail=a@b', 'https://h/?mail=a@b'],
  ['alice@example.com', 'alice@example.com'],
  ['Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', 'Proxy-Authorization: Basic ***'],
  ['authorization: bearer abc.de4-ghi', 'authorization: bearer ***'],
  ['it offers Basic authentication', 'it offers Basic authentication'],
]

t.test('without known secrets', async (t) => {
  for (const [text, clean] of rows) t.equal(redact(text), clean)
})

t.test('known secrets in each of their forms', async (t) => {
  const clean = createRedactor([new Secret('p@ss w/ö$*'), new Secret('p@ss'), new Secret('xy'), new Secret('')])
  t.equal(clean('said p@ss w/ö$* twice p@ss w/ö$*'), 'said *** twice ***')
  t.equal(clean(`as ${encodeURIComponent('p@ss w/ö$*')}`), 'as ***')
  t.equal(clean(`as ${Buffer.from('p@ss w/ö$*').toString('base64')}`), 'as ***')
  t.equal(clean('p@ss alone, apxyb, xy'), '*** alone, apxyb, ***', 'a short one only as a word')
  t.equal(clean('an empty secret hides nothing'), 'an empty secret hides nothing')
})

t.test('text that need not be a URL', async (t) => {
  const any: readonly (readonly [string, string])[] = [
    ['bob:pw@a', '***@a'],
    ['http://bob:p/w?x#y@a', 'http://***@a'],
    ['//bob:pw@a', '***@a'],
    ['alice@example.com', 'alice@example.com'],
    ['a b:c@d e', 'a ***@d e'],
  ]
  for (const [text, clean] of any) t.equal(maskAnyUserInfo(text), clean)
})

t.test('long hostile text takes linear time', async (t) => {
  const text = 'a://'.repeat(250_000)
  const before = process.cpuUsage()
  redact(text)
  maskAnyUserInfo(text)
  const { user, system } = process.cpuUsage(before)
  t.ok((user + system) / 1000 < 2_000)
})
