import t from 'tap'
import { parseRecord, planApply, planRemove } from '../../../src/docker-setup/plan.ts'
import { DockerSetupError } from '../../../src/docker-setup/setup-error.ts'
import { seededRandom } from '../../fixtures/seeded-random.ts'

const GATEWAY = 'http://127.0.0.1:3129'
const DAEMON = { proxies: { 'http-proxy': GATEWAY, 'https-proxy': GATEWAY, 'no-proxy': 'localhost' } }
const CLIENT = { proxies: { default: { httpProxy: GATEWAY, httpsProxy: GATEWAY, noProxy: 'localhost' } } }
const apply = (text: string | null, wanted: typeof DAEMON | typeof CLIENT = DAEMON) =>
  planApply('f', text, null, wanted)

t.test('apply changes its keys and keeps every other byte', (t) => {
  const proxies = '"proxies":'
  const pretty = (unit: string, end: string, depth = unit) =>
    [
      `{`,
      `${depth}${unit}"http-proxy": "${GATEWAY}",`,
      `${depth}${unit}"https-proxy": "${GATEWAY}",`,
      `${depth}${unit}"no-proxy": "localhost"`,
      `${depth}}`,
    ].join(end)
  const rows: readonly (readonly [what: string, before: string | null, after: string])[] = [
    ['no file', null, `{\n\t${proxies} ${pretty('\t', '\n')}\n}\n`],
    ['an empty file', '', `{\n\t${proxies} ${pretty('\t', '\n')}\n}\n`],
    ['an empty object', '{}', `{\n\t${proxies} ${pretty('\t', '\n')}\n}`],
    ['two blanks', '{\n  "debug": true\n}\n', `{\n  "debug": true,\n  ${proxies} ${pretty('  ', '\n')}\n}\n`],
    ['four blanks', '{\n    "a": [\n  1 ]\n}', `{\n    "a": [\n  1 ],\n    ${proxies} ${pretty('    ', '\n')}\n}`],
    ['tabs and CRLF', '{\r\n\t"a": 1\r\n}\r\n', `{\r\n\t"a": 1,\r\n\t${proxies} ${pretty('\t', '\r\n')}\r\n}\r\n`],
    [
      'one line',
      '{"debug":true}',
      `{"debug":true, "proxies": { "http-proxy": "${GATEWAY}", "https-proxy": "${GATEWAY}", "no-proxy": "localhost" }}`,
    ],
    [
      'values of somebody else',
      '{\n  "proxies": {\n    "http-proxy": "http://corp:1",\n    "no-proxy": "localhost"\n  },\n  "z": 1\n}\n',
      `{\n  "proxies": {\n    "http-proxy": "${GATEWAY}",\n    "no-proxy": "localhost",\n    "https-proxy": "${GATEWAY}"\n  },\n  "z": 1\n}\n`,
    ],
    ['a byte order mark', '\ufeff{\n  "a": 1\n}', `\ufeff{\n  "a": 1,\n  ${proxies} ${pretty('  ', '\n')}\n}`],
  ]
  for (const [what, before, after] of rows) t.equal(apply(before).text, after, what)
  t.end()
})

const FILES: readonly (string | null)[] = [
  null,
  '',
  ' \n',
  '{}',
  '{ }',
  '{\n}\n',
  '{"a":1}',
  '{ "a": 1 }\n',
  '{\n\t"a": {\n\t\t"b": []\n\t}\n}',
  '{\r\n    "log-driver": "journald",\r\n    "features": { "buildkit": true }\r\n}\r\n',
  '{\n  "proxies": {}\n}\n',
  '{\n  "proxies": {\n  },\n  "x": 1\n}\n',
  '{"proxies":{"http-proxy":"http://corp:1"}}',
  '{\n  "proxies": { "no-proxy": "localhost", "default": { "ftpProxy": "x" }, "tcp://other:2375": { "httpProxy": "y" } },\n  "auths": { "r": { "auth": "c2VjcmV0" } }\n}\n',
  '\ufeff{"a":"\\u00e9"}',
  '{"a": 1, "a": 2, "proxies": {"no-proxy": "a", "no-proxy": "b"}}',
]

t.test('apply and remove is nothing, byte for byte', (t) => {
  for (const wanted of [DAEMON, CLIENT])
    for (const before of FILES) {
      const applied = apply(before, wanted)
      t.not(applied.text, before)
      t.ok(applied.record)
      const record = parseRecord('r', JSON.stringify(applied.record))
      const removed = planRemove('f', applied.text, record)
      t.equal(removed.text, before, JSON.stringify(before))
      t.equal(removed.record, null)
    }
  t.end()
})

t.test('apply twice, with the same and with other values, and remove once', (t) => {
  for (const before of FILES) {
    const first = apply(before)
    const again = planApply('f', first.text, first.record, DAEMON)
    t.equal(again.text, first.text, 'the same again changes nothing')
    t.same(again.record, first.record)
    const moved = { proxies: { ...DAEMON.proxies, 'http-proxy': 'http://127.0.0.1:9' } }
    const other = planApply('f', again.text, again.record, moved)
    t.match(other.text, /127\.0\.0\.1:9"/)
    t.equal(planRemove('f', other.text, other.record).text, before, JSON.stringify(before))
  }
  t.end()
})

t.test('remove after others have changed the file takes back only what is ours', (t) => {
  const corp = '{\n  "proxies": {\n    "http-proxy": "http://corp:1"\n  }\n}\n'
  const rows: readonly (readonly [
    what: string,
    before: string | null,
    change: (text: string) => string,
    after: string | null,
  ])[] = [
    [
      'a key added at the end',
      '{\n  "a": 1\n}\n',
      (text) => text.replace(/\n\}\n$/, ',\n  "b": 2\n}\n'),
      '{\n  "a": 1,\n  "b": 2\n}\n',
    ],
    [
      'a key added at the start',
      '{\n  "a": 1\n}\n',
      (text) => text.replace('{\n', '{\n  "b": 2,\n'),
      '{\n  "b": 2,\n  "a": 1\n}\n',
    ],
    ['a key taken away', '{\n  "a": 1\n}\n', (text) => text.replace('  "a": 1,\n', ''), '{}\n'],
    [
      'our value changed by somebody: it stays theirs',
      '{\n  "a": 1\n}\n',
      (text) => text.replace(`"http-proxy": "${GATEWAY}"`, '"http-proxy": "http://mine:1"'),
      '{\n  "a": 1,\n  "proxies": {\n    "http-proxy": "http://mine:1"\n  }\n}\n',
    ],
    [
      'what was replaced comes back',
      corp,
      (text) => text.replace(/\n\}\n$/, ',\n  "b": 2\n}\n'),
      corp.replace(/\n\}\n$/, ',\n  "b": 2\n}\n'),
    ],
    ['written anew by a program', '{"a":1}', (text) => JSON.stringify(JSON.parse(text)), '{"a":1}'],
    [
      'a file that was not there, with another key now',
      null,
      (text) => text.replace(/\n\}\n$/, ',\n\t"b": 2\n}\n'),
      '{\n\t"b": 2\n}\n',
    ],
    ['a file that was not there, written anew', null, (text) => JSON.stringify(JSON.parse(text)), null],
    ['our keys taken away already', '{\n  "a": 1\n}\n', () => '{"a":2}', '{"a":2}'],
    ['the file emptied', '{"a":1}', () => '', ''],
  ]
  for (const [what, before, change, after] of rows) {
    const applied = apply(before)
    const changed = change(applied.text!)
    t.not(changed, applied.text, `${what}: is a change`)
    t.equal(planRemove('f', changed, applied.record).text, after, what)
  }
  const applied = apply('{"a":1}')
  t.same(planRemove('f', null, applied.record), { text: null, record: null, changes: [] }, 'the file deleted')
  t.same(
    planRemove('f', '{"proxies":{}}', null),
    { text: '{"proxies":{}}', record: null, changes: [] },
    'never applied',
  )
  t.end()
})

t.test('a user’s own value that is the same as ours is never taken away', (t) => {
  const own = `{"proxies":{"http-proxy":"${GATEWAY}"}}`
  const applied = apply(own)
  const changed = `${applied.text} `
  t.same(JSON.parse(planRemove('f', changed, applied.record).text!), JSON.parse(own))
  const all = JSON.stringify(DAEMON)
  t.same([apply(all).text, apply(all).record], [all, null], 'nothing to do, nothing to undo')
  t.end()
})

t.test('random files: apply, a foreign change, remove', (t) => {
  const { next: random } = seededRandom(20_260)
  for (let round = 0; round < 300; round++) {
    const object: Record<string, unknown> = {}
    for (let key = 0; key < Math.floor(random() * 5); key++)
      object[`k${key}`] = random() < 0.5 ? { x: [1, { y: null }] } : 'v"\\'
    if (random() < 0.4) object['proxies'] = random() < 0.5 ? {} : { 'no-proxy': 'z', default: { httpProxy: 'p' } }
    const indent = [undefined, 1, 2, 4, '\t'][Math.floor(random() * 5)]
    const before = JSON.stringify(object, undefined, indent)
    const applied = apply(before, random() < 0.5 ? DAEMON : CLIENT)
    t.equal(planRemove('f', applied.text, applied.record).text, before)
    const changed = JSON.parse(applied.text!) as Record<string, unknown>
    changed['foreign'] = round
    const removed = planRemove('f', JSON.stringify(changed, undefined, indent), applied.record)
    t.same(JSON.parse(removed.text!), { ...object, foreign: round }, before)
  }
  t.end()
})

t.test('files that cannot be understood', (t) => {
  const rows: readonly (readonly [text: string, message: string])[] = [
    ['{\n  "a": 1,\n}', 'f:3:1: this } comes after a comma; expected another key, or no comma'],
    ['[]', 'f:1:1: this is no JSON object; expected { … }'],
    ['{\n  "proxies": "x"\n}', 'f:2:14: proxies is no JSON object; expected { … }'],
    ['{"proxies": null}', 'f:1:13: proxies is no JSON object; expected { … }'],
    ['{"proxies": {"default": []}}', 'f:1:25: proxies.default is no JSON object; expected { … }'],
  ]
  for (const [text, message] of rows)
    t.throws(() => apply(text, CLIENT), { name: 'DockerSetupError', message } as DockerSetupError, text)
  for (const record of [
    '',
    '{}',
    '{"version":2}',
    '{"version":1,"original":5}',
    '{"version":1,"original":null,"entries":[{}],"madeObjects":[]}',
  ])
    t.throws(() => parseRecord('r', record), DockerSetupError, record)
  t.end()
})
