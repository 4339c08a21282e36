import { test } from 'tap'
import { quoteInput } from '../../../src/wire/quote-input.ts'

test('untrusted text in a message', async (t) => {
  const rows: [text: string, shown: string][] = [
    ['', '""'],
    ['example.com:443', '"example.com:443"'],
    ['bücher', '"bücher"'],
    ['a\r\nb', '"a\\u{d}\\u{a}b"'],
    ['a\0\x1b[31m\x7f', '"a\\u{0}\\u{1b}[31m\\u{7f}"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['\u202eabc\u2028\ufeff', '"\\u{202e}abc\\u{2028}\\u{feff}"'],
    ['\ud800', '"\\u{d800}"'],
    ['user:secret@host', '"***@host"'],
    ['http://user:se@cret@host/', '"***@host/"'],
    ['x'.repeat(100), `"${'x'.repeat(80)}…"`],
  ]
  for (const [text, shown] of rows) t.equal(quoteInput(text), shown, shown)
})
