import t from 'tap'
import { type JsonSyntaxError, parseJsonTree } from '../../../src/docker-setup/json-tree.ts'

t.test('what is JSON is read, and what is not is refused, as JSON.parse does', (t) => {
  const texts = [
    ...[
      '{}',
      ' { } ',
      '{"a":1}',
      '{"a":{"b":[1,2,{"c":null}]}}',
      '[]',
      '[1]',
      '[[],{}]',
      '"x"',
      '-0.5e+3',
      'true',
      'null',
    ],
    ...['{"a\\u0041\\n":"\\"}{"}', '\t{\r\n"a" : 1 ,\r\n"b":false}\n', '{"a":1,"a":2}'],
    ...[
      '',
      '{',
      '}',
      '{]',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{,}',
      '{a:1}',
      "{'a':1}",
      '{"a":1 "b":2}',
      '{"a":01}',
      '{"a":+1}',
    ],
    ...[
      '{"a":.5}',
      '{"a":1.}',
      '{"a":1e}',
      '{"a":tru}',
      '{"a":trueish}',
      '{"a":NaN}',
      '[1,]',
      '[,]',
      '[1 2]',
      '{"a":"x',
      '{"a":"\\x"}',
    ],
    ...[
      '{"a":"\n"}',
      '{} {}',
      '{}x',
      '// c\n{}',
      '{"a":1} // c',
      '{"a":/*c*/1}',
      '\u00a0{}',
      '{"\\u00g0":1}',
      'nul',
      '"',
      '\\',
    ],
  ]
  for (const text of texts) t.equal(isGood(parseJsonTree, text), isGood(JSON.parse, text), JSON.stringify(text))
  t.ok(isGood(parseJsonTree, '\ufeff{}'), 'a byte order mark is passed over')
  t.notOk(isGood(parseJsonTree, '['.repeat(200) + ']'.repeat(200)), 'and depth has an end')
  t.end()
})

t.test('faults are told where they are', (t) => {
  const rows: readonly (readonly [text: string, at: string, message: string])[] = [
    ['{\n  "a": 1,\n}', '3:1', 'this } comes after a comma; expected another key, or no comma'],
    ['{\n  "a": 1\n  "b": 2\n}', '3:3', '"\\"" cannot stand here; expected a comma or }'],
    ['{"a": 1', '1:8', 'the file ends here; expected a comma or }'],
    ['{\r\n  "a": "x\r\n}', '2:8', 'this text is not closed'],
    ['{"a": "x\n", "b": 1}', '1:7', 'this text is not JSON'],
    ['{ a: 1 }', '1:3', '"a" cannot stand here; expected a key in quotes, or }'],
    ['{"a" 1}', '1:6', '"1" cannot stand here; expected a colon after the key'],
    ['// none\n{}', '1:1', '"/" cannot stand here; expected a value'],
    ['{}\n{}', '2:1', '"{" cannot stand here; expected the end of the file'],
  ]
  for (const [text, at, message] of rows) {
    try {
      parseJsonTree(text)
      t.fail(text)
    } catch (thrown) {
      const { line, column, message: said } = thrown as JsonSyntaxError
      t.strictSame([`${line}:${column}`, said], [at, message], JSON.stringify(text))
    }
  }
  t.end()
})

function isGood(parse: (text: string) => unknown, text: string): boolean {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}
