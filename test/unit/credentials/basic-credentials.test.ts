import t from 'tap'
import { parseBasicCredentials } from '../../../src/credentials/basic-credentials.ts'

const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64')

const good: readonly (readonly [string, string, string])[] = [
  // RFC 7617 §2 and §2.1.
  ['Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', 'Aladdin', 'open sesame'],
  ['Basic dGVzdDoxMjPCow==', 'test', '123£'],
  ['basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==', 'Aladdin', 'open sesame'],
  ['BASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==', 'Aladdin', 'open sesame'],
  ['  Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==  ', 'Aladdin', 'open sesame'],
  ['Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ', 'Aladdin', 'open sesame'],
  [`Basic ${base64('a:b:c')}`, 'a', 'b:c'],
  [`Basic ${base64('a:')}`, 'a', ''],
  [`Basic ${base64(':b')}`, '', 'b'],
  [`Basic ${base64(':')}`, '', ''],
  [`Basic ${base64('jürgen:pässwörd 日本')}`, 'jürgen', 'pässwörd 日本'],
  [`Basic ${base64('\ufeffa:b')}`, '\ufeffa', 'b'],
]

const bad: readonly string[] = [
  '',
  'Basic',
  'Basic ',
  'Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
  'BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ==',
  'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==x',
  'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ== x',
  'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
  'Basic QWxh-GRp_jpv',
  'Basic %%%%',
  'Basic =',
  // Bits that belong to no byte: two spellings of one secret.
  'Basic YTpiYR==',
  'Basic YTpiY',
  `Basic ${base64('no colon')}`,
  `Basic ${base64('a:b\n')}`,
  `Basic ${base64('a\0:b')}`,
  `Basic ${base64('a:b\x7f')}`,
  `Basic ${base64(Buffer.from([0x61, 0x3a, 0xff]))}`,
  `Basic ${base64(Buffer.from([0x61, 0x3a, 0xc0, 0x80]))}`,
  `Basic ${base64(`a:${'b'.repeat(10_000)}`)}`,
]

t.test('Basic credentials', async (t) => {
  for (const [value, username, password] of good)
    t.strictSame(parseBasicCredentials(value), { username, password }, value)
  for (const value of bad) t.equal(parseBasicCredentials(value), undefined, value.slice(0, 60))
})
