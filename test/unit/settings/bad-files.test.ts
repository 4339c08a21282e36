import t from 'tap'
import { brief, loadText } from '../../fixtures/settings/load-text.ts'

/** A settings text and every problem that it must show, as `line:column path: message`. A `…` at the end stands for the rest. */
type Row = readonly [text: string, ...problems: string[]]

const yaml: readonly Row[] = [
  ['proxy:\n\tmode: none', '2:1 a tab stands in the indentation'],
  ['log:\n  level: "info', '2:15 a closing quotation mark, bracket, comma or colon is missing'],
  ["log:\n  level: 'it's'", '2:14 something stands after the value has ended'],
  ['log: {level: info', '1:18 the indentation does not fit…'],
  ['log: {level: info}}', '1:19 something stands after the value has ended'],
  [
    'log:\n  level: info\n format: json',
    '3:1 the indentation does not fit the lines above, or a bracket is not closed',
  ],
  ['log: level: info', '1:6 a second “: ” stands on the line'],
  ['log:\n  level: @info', '2:10 a value cannot begin with this character'],
  ['log:\n  level: `info`', '2:10 a value cannot begin with this character'],
  ['log:\n  level: %info', '2:10 a value cannot begin with this character'],
  ['log:\n  level: "\\q"', '2:11 the backslash begins no known escape'],
  ['log:\n  level: !fast info', '2:10 a YAML tag stands before the value'],
  ['log:\n  level: !!int info', '2:10 a YAML tag stands before the value'],
  ['log:\n  level: info\nlog:\n  level: warn', '3:1 the key “log” is given twice'],
  ['log:\n  level: info\n  level: warn', '3:3 the key “level” is given twice'],
  ['log: {level: info, level: info}', '1:20 the key “level” is given twice'],
  ['{"log": {"level": "info", "level": "info"}}', '1:27 the key “level” is given twice'],
  ['{\n  "proxy": {\n    "locked": true\n    "mode": "manual"\n  }\n}', '3:15 this is no “key: value”'],
  ['{\n  "log": {"level": "info"}\n  "pac": {}\n}', '3:3 a closing quotation mark, bracket, comma or colon is missing'],
  ['log:\n  level: info\nnonsense\nproxy: {}', '3:1 this is no “key: value”'],
  ['---\nlog: {}\n---\nlog: {}', '3:1 a second document begins here'],
  ['%YAML 9\n---\nlog: {}', '1:7 a line that begins with % is a YAML directive, and this one is unknown'],
  ['? [a]\n: b', '1:3 this cannot be a key'],
  [
    'proxy:\n  exclude: [*.corp.example]',
    '2:13 a value that begins with * is a YAML alias, and there is no anchor of this name',
  ],
  [
    'proxy:\n  exclude: *.corp.example',
    '2:12 a value that begins with * is a YAML alias, and there is no anchor of this name',
  ],
  ['<<: {a: 1}', '1:1 the merge key “<<” is not part of YAML 1.2'],
  ['__proto__: {a: 1}', '1:1 this cannot be a key'],
  ['listen:\n  auth:\n    users:\n      __proto__: x', '4:7 this cannot be a key'],
  ['log:\n  level: in\u0007fo', '2:12 a control character (0x07) stands in the file'],
  ['\u0000', '1:1 a control character (0x00) stands in the file'],
  [`a: ${'['.repeat(100_000)}`, '1:504 this is nested too deeply'],
  ['{a: '.repeat(200_000), '1:2001 this is nested too deeply'],
  ['- '.repeat(100_000), '1:1 this is nested too deeply'],
  ['? '.repeat(100_000), '1:1 this is nested too deeply'],
  [`log:\n${' '.repeat(500)}level: info`, '2:1 this is nested too deeply'],
  [
    `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
      .split('')
      .map((name, i) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[i]}`).join(',')}]`)
      .join('\n')}`,
    '1:1 too much stands for too little: aliases of aliases',
  ],
  // One fault a line, and all of them.
  [
    'log:\n  level: @a\n  format: `b',
    '2:10 a value cannot begin with this character',
    '3:11 a value cannot begin with this character',
  ],
]

const shape: readonly Row[] = [
  ['just text', '1:1 this is text'],
  ['- a\n- b', '1:1 this is a list'],
  ['~', '1:1 there is no value'],
  ['5', '1:1 this is a number'],
  ['banana: 1', '1:1 banana: there is no key “banana” here'],
  [
    'proxi: {}\nlisten: {}\nlogg: {}',
    '1:1 proxi: there is no key “proxi” here',
    '3:1 logg: there is no key “logg” here',
  ],
  ['proxy:\n  htpp: http://a', '2:3 proxy.htpp: there is no key “htpp” here'],
  ['proxy: http://a', '1:8 proxy: this is text'],
  ['proxy:', '1:1 proxy: there is no value'],
  ['proxy: null', '1:1 proxy: there is no value'],
  ['proxy: []', '1:8 proxy: this is a list'],
  ['proxy:\n  mode:', '2:3 proxy.mode: there is no value'],
  ['proxy:\n  mode: Manual', '2:9 proxy.mode: "Manual" is not known here'],
  ['proxy:\n  mode: true', '2:9 proxy.mode: true is not known here'],
  ['proxy:\n  mode: [manual]', '2:9 proxy.mode: a list is not known here'],
  ['proxy:\n  locked: yes', '2:11 proxy.locked: this is text'],
  ['proxy:\n  locked: "true"', '2:11 proxy.locked: this is text'],
  ['proxy:\n  locked: 1', '2:11 proxy.locked: this is a number'],
  ['proxy:\n  transparentPorts: "80"', '2:3 proxy.transparentPorts: there is no key “transparentPorts” here'],
  [
    'containersProxy:\n  enableKerberosNtlm: true',
    '2:3 containersProxy.enableKerberosNtlm: there is no key “enableKerberosNtlm” here',
  ],
  ['containersProxy:\n  transparentPorts: "80,99999"', '2:21 containersProxy.transparentPorts: "99999" is no port'],
  ['proxy:\n  windowsDockerdPort: 70000', '2:23 proxy.windowsDockerdPort: this is too much'],
  ['proxy:\n  windowsDockerdPort: -1', '2:23 proxy.windowsDockerdPort: this is too little'],
  ['proxy:\n  windowsDockerdPort: "80"', '2:23 proxy.windowsDockerdPort: this is text'],
  ['proxy:\n  windowsDockerdPort: 1.5', '2:23 proxy.windowsDockerdPort: this is a number'],
  ['proxy:\n  onPacFailure: panic', '2:17 proxy.onPacFailure: "panic" is not known here'],
  ['proxy:\n  pac: ""\n  embeddedPac: "x"', '3:16 proxy.embeddedPac: there is no FindProxyForURL in the script'],
  ['proxy:\n  pac: ftp://a/b', '2:8 proxy.pac: a PAC file cannot be had over ftp'],
  ['proxy:\n  pac: 5', '2:8 proxy.pac: this is a number'],
  [
    'log: {level: loud, format: xml}',
    '1:14 log.level: "loud" is not known here',
    '1:28 log.format: "xml" is not known here',
  ],
  ['log:\n  - level: info', '2:3 log: this is a list'],
  ['timeouts:\n  dial: 30 s', '2:9 timeouts.dial: "30 s" is not a duration'],
  ['timeouts:\n  dial: 11m', '2:9 timeouts.dial: "11m" is out of range'],
  ['timeouts:\n  dial: off', '2:9 timeouts.dial: "off" is not a duration'],
  ['timeouts:\n  dial: .nan', '2:9 timeouts.dial: NaN is not a duration'],
  ['timeouts:\n  dial: .inf', '2:9 timeouts.dial: Infinity is not a duration'],
  ['timeouts:\n  dail: 30s', '2:3 timeouts.dail: there is no key “dail” here'],
  ['limits:\n  connections: 0', '2:16 limits.connections: this is too little'],
  ['limits:\n  connections: many', '2:16 limits.connections: this is text'],
  ['limits:\n  requestHead: 1B', '2:16 limits.requestHead: "1B" is out of range'],
  ['limits: 5', '1:9 limits: this is a number'],
  ['pac:\n  refresh: 1s', '2:12 pac.refresh: "1s" is out of range'],
  ['relay:\n  fastPath: true', '2:13 relay.fastPath: true is not known here'],
  ['trust:\n  ca: 5', '2:7 trust.ca: this is a number'],
  ['trust:\n  ca: [""]', '2:8 trust.ca[0]: this is empty'],
  ['status:\n  listen: 0.0.0.0:9090', '2:11 status.listen: the status page has no credentials…'],
  ['status:\n  listen: [off, 9090]', '2:11 status.listen: off stands beside addresses'],
  ['timeouts:\n  dial: 5s\n  attempt: 6s', '3:12 timeouts.attempt: one attempt is longer than all of them'],
]

const listen: readonly Row[] = [
  ['listen: 3128', '1:9 listen: this is a number'],
  ['listen:\n  mixed: gateway:3128', '2:10 listen.mixed: "gateway" is not an address of this machine'],
  ['listen:\n  mixed: [127.0.0.1:1, 127.0.0.1]', '2:24 listen.mixed[1]: "127.0.0.1" is not a listening address'],
  ['listen:\n  mixed: { scope: host }', '2:10 listen.mixed: “address” is missing'],
  ['listen:\n  mixed:\n    - 127.0.0.1:1\n    - scope: host', '4:7 listen.mixed[1]: “address” is missing'],
  ['listen:\n  mixed: { address: 127.0.0.1:1, scop: host }', '2:34 listen.mixed.scop: there is no key “scop” here'],
  ['listen:\n  mixed: { address: 127.0.0.1:1, scope: vm }', '2:41 listen.mixed.scope: "vm" is not known here'],
  ['listen:\n  mixed: { address: 127.0.0.1:1, mode: "660" }', '2:34 listen.mixed.mode: only a UNIX socket has a mode'],
  ['listen:\n  mixed: { address: unix:/a, mode: 660 }', '2:36 listen.mixed.mode: this is not a mode'],
  ['listen:\n  mixed: { address: unix:/a, mode: "999" }', '2:36 listen.mixed.mode: this is not a mode'],
  [
    'listen:\n  mixed: { address: unix:/a, from: 10.0.0.0/8 }',
    '2:30 listen.mixed.from: clients of a UNIX socket have no address',
  ],
  ['listen:\n  mixed: { address: 10.0.0.1:1, from: 10/8 }', '2:39 listen.mixed.from: "10/8" is not an address block'],
  [
    'listen:\n  mixed: { address: 10.0.0.1:1, from: [10.0.0.0/8, x] }',
    '2:52 listen.mixed.from[1]: "x" is not an address block',
  ],
  ['listen:\n  mixed: []', '2:10 listen.mixed: there is no door'],
  ['listen:\n  mixed: true', '2:10 listen.mixed: this is true'],
  [
    'listen:\n  mixed: [127.0.0.1:1, 127.0.0.1:1]',
    '2:24 listen.mixed[1]: 127.0.0.1:1 is given twice, here and at listen.mixed[0]',
  ],
  [
    'listen:\n  mixed: [localhost:1, 1]',
    '2:24 listen.mixed[1]: 127.0.0.1:1 is given twice, here and at listen.mixed[0]',
  ],
  // Open to everybody.
  ['listen:\n  mixed: 0.0.0.0:3128', '2:10 listen.mixed: anybody who reaches 0.0.0.0:3128 could use the gateway'],
  ['listen:\n  mixed: "[::]:3128"', '2:10 listen.mixed: anybody who reaches [::]:3128 could use the gateway'],
  [
    'listen:\n  mixed:\n    - 1\n    - 192.168.1.1:2',
    '4:7 listen.mixed[1]: anybody who reaches 192.168.1.1:2 could use the gateway',
  ],
  [
    'listen:\n  mixed: { address: 10.0.0.1:1, from: [] }',
    '2:21 listen.mixed.address: anybody who reaches 10.0.0.1:1 could use the gateway',
  ],
  [
    'listen:\n  auth: { users: { a: secret } }\n  mixed: { address: 10.0.0.1:1, auth: none }',
    '3:21 listen.mixed.address: anybody who reaches 10.0.0.1:1 could use the gateway',
  ],
  // Credentials.
  ['listen:\n  auth:', '2:3 listen.auth: there is no value'],
  ['listen:\n  auth: {}', '2:9 listen.auth: “users” is missing'],
  ['listen:\n  auth: none', '2:9 listen.auth: this is text'],
  ['listen:\n  auth: { users: }', '2:11 listen.auth.users: there is no value'],
  ['listen:\n  auth: { users: {} }', '2:18 listen.auth.users: there is no user'],
  ['listen:\n  auth: { users: [alice] }', '2:18 listen.auth.users: this is a list'],
  ['listen:\n  auth:\n    users:\n      alice:', '4:7 listen.auth.users.alice: there is no value'],
  [
    'listen:\n  auth:\n    users:\n      alice: 1234',
    '4:14 listen.auth.users.alice: a password of digits only is read as a number',
  ],
  ['listen:\n  auth:\n    users:\n      alice: ""', '4:14 listen.auth.users.alice: this password cannot be used'],
  ['listen:\n  auth:\n    users:\n      "": pw', '4:7 listen.auth.users[""]: this is not a user name'],
  ['listen:\n  auth:\n    users:\n      "a:b": pw', '4:7 listen.auth.users.a***: this is not a user name'],
  [
    'listen:\n  auth:\n    users:\n      alice: env:NOT_SET',
    '4:14 listen.auth.users.alice: the environment variable NOT_SET is not set',
  ],
  [
    'listen:\n  auth:\n    users:\n      alice: env:EMPTY',
    '4:14 listen.auth.users.alice: the environment variable EMPTY is empty',
  ],
  [
    'listen:\n  auth:\n    users:\n      alice: file:/no/such',
    '4:14 listen.auth.users.alice: cannot read /no/such: there is no such file',
  ],
  [
    'listen:\n  auth:\n    users:\n      alice: file:/',
    '4:14 listen.auth.users.alice: cannot read /: it is a directory',
  ],
  [
    'listen:\n  auth:\n    users:\n      alice: file:/dev/zero',
    '4:14 listen.auth.users.alice: cannot read /dev/zero: it is not a regular file',
  ],
  [
    `listen:\n  auth:\n    users:\n      alice: ${'x'.repeat(256)}`,
    '4:14 listen.auth.users.alice: this password cannot be used',
  ],
  [
    'listen:\n  auth: { user: { a: b } }',
    '2:9 listen.auth: “users” is missing',
    '2:11 listen.auth.user: there is no key “user” here',
  ],
  ['listen:\n  mixed: { address: 1, auth: off }', '2:30 listen.mixed.auth: this is text'],
  // TLS.
  ['listen:\n  tls: 3129', '2:8 listen.tls: this is a number'],
  ['listen:\n  tls: { address: 3129 }', '2:8 listen.tls: “cert” is missing', '2:8 listen.tls: “key” is missing'],
  [
    'listen:\n  tls: { address: 3129, cert: /no/cert, key: /no/key }',
    '2:31 listen.tls.cert: cannot read /no/cert: there is no such file',
    '2:46 listen.tls.key: cannot read /no/key: there is no such file',
  ],
]

const ways: readonly Row[] = [
  ['proxy:\n  http: proxy.example:8080', '2:9 proxy.http: "proxy.example:8080" is neither a URL nor a name'],
  ['proxy:\n  http: ftp://proxy.example', '2:9 proxy.http: this is not a scheme of a proxy'],
  ['proxy:\n  http: http://', '2:16 proxy.http: the host is missing'],
  ['proxy:\n  http: "http://"', '2:17 proxy.http: the host is missing'],
  ['proxy:\n  http: http://a:99999', '2:18 proxy.http: …'],
  ['proxy:\n  http: http://a/path', '2:17 proxy.http: …'],
  ['proxy:\n  http: 5', '2:9 proxy.http: this is a number'],
  ['proxy:\n  http: [http://a, 5]', '2:20 proxy.http[1]: this is a number'],
  ['proxy:\n  http: [http://a, [http://b]]', '2:20 proxy.http[1]: this is a list'],
  ['proxy:\n  http: {}', '2:9 proxy.http: “url” is missing'],
  [
    'proxy:\n  http: { host: a }',
    '2:9 proxy.http: “url” is missing',
    '2:11 proxy.http.host: there is no key “host” here',
  ],
  ['proxy:\n  https: corp', '2:10 proxy.https: there is no upstream “corp”'],
  ['proxy:\n  https: [http://a, corp]', '2:21 proxy.https[1]: there is no upstream “corp”'],
  ['proxy:\n  https: toString', '2:10 proxy.https: there is no upstream “toString”'],
  ['proxy:\n  https: crop\nupstreams:\n  corp: http://a', '2:10 proxy.https: there is no upstream “crop”'],
  ['upstreams:\n  a: b\n  b: c\n  c: a', '4:6 upstreams.c: the chain goes round in a circle: a → b → c → a'],
  ['upstreams:\n  a: a', '2:6 upstreams.a: the chain goes round in a circle: a → a'],
  ['upstreams:\n  a: []', '2:6 upstreams.a: the chain is empty'],
  ['upstreams:\n  a:', '2:3 upstreams.a: there is no value'],
  ['upstreams:\n  "a b": http://a', '2:3 upstreams.a***: this is not a name for an upstream'],
  ['upstreams: [http://a]', '1:12 upstreams: this is a list'],
  [
    'upstreams:\n  a: [http://a, http://b, http://c]\n  b: [a, a]\nproxy: { http: [a, b] }',
    '4:16 proxy.http: the chain has 9 hops',
  ],
  [
    'proxy:\n  http: { url: "http://a", username: u, password: env:NOPE }',
    '2:51 proxy.http.password: the environment variable NOPE is not set',
  ],
  ['proxy:\n  http: { url: "http://a", password: x }', '2:28 proxy.http.password: there is a password and no username'],
  [
    'proxy:\n  http: { url: "http://u@a", username: u, password: x }',
    '2:30 proxy.http.username: the credentials are given twice, here and in the URL',
  ],
  [
    'proxy:\n  http: { url: a, username: u }\nupstreams: { a: "http://a" }',
    '2:19 proxy.http.username: credentials cannot be given to the name “a”',
  ],
  [
    'proxy:\n  http: { url: "http://a", username: "a:b", password: x }',
    '2:38 proxy.http.username: a username for HTTP cannot hold a colon (RFC 7617)',
  ],
  [
    'proxy:\n  http: { url: "socks4://a", username: a, password: x }',
    '2:53 proxy.http.password: SOCKS4 knows no password',
  ],
  ['proxy:\n  http: { url: "http://a", username: "" }', '2:38 proxy.http.username: the username is empty'],
  [
    'proxy:\n  http: { url: "http://a", username: a, password: "x\\ny" }',
    '2:51 proxy.http.password: the password holds a control character',
  ],
  ['proxy:\n  pac: no/such.pac', '2:8 proxy.pac: cannot read …'],
]

const lists: readonly Row[] = [
  ['proxy:\n  exclude: 5', '2:12 proxy.exclude: this is a number'],
  ['proxy:\n  exclude: { a: b }', '2:12 proxy.exclude: this is a group of keys'],
  ['proxy:\n  exclude: [a, 5, true]', '2:16 proxy.exclude[1]: this is a number', '2:19 proxy.exclude[2]: this is true'],
  ['proxy:\n  exclude: [a, [b]]', '2:16 proxy.exclude[1]: this is a list'],
  ['proxy:\n  exclude: "a.example, 10.0.0.0/33"', '2:33 proxy.exclude: the prefix length is out of range'],
  ['proxy:\n  exclude: a.example,10.0.0.0/33', '2:31 proxy.exclude: the prefix length is out of range'],
  [
    'proxy:\n  exclude:\n    - ok.example\n    - ftp://x\n    - "[::1"',
    '4:7 proxy.exclude[1]: an entry can be limited to http and https only',
    '5:9 proxy.exclude[2]: the bracket is not closed',
  ],
  ['access:\n  deny: ["10.0.0.0/99"]', '2:20 access.deny[0]: the prefix length is out of range'],
  ['access:\n  allow: 5', '2:10 access.allow: this is a number'],
  ['access:\n  reject: [a]', '2:3 access.reject: there is no key “reject” here'],
]

const together: readonly Row[] = [
  [
    'listen:\n  mixed: 0.0.0.0:1\nproxy:\n  mode: manaul\n  http: corpp\n  exclude: [10.0.0.0/40]\nupstreams:\n  corp: http://a\nlog: { level: loud }',
    '2:10 listen.mixed: anybody who reaches 0.0.0.0:1 could use the gateway',
    '4:9 proxy.mode: "manaul" is not known here',
    '5:9 proxy.http: there is no upstream “corpp”',
    '6:22 proxy.exclude[0]: the prefix length is out of range',
    '9:15 log.level: "loud" is not known here',
  ],
  // A door is not called open because its credentials are the fault.
  ['listen:\n  mixed: 0.0.0.0:1\n  auth: { users: 5 }', '3:18 listen.auth.users: this is a number'],
  // A name is not called unknown because its chain is the fault.
  ['proxy: { http: corp }\nupstreams:\n  corp: ftp://a', '3:9 upstreams.corp: this is not a scheme of a proxy'],
  // Windows line ends do not move columns.
  [
    'log:\r\n  level: loud\r\nproxy:\r\n  mode: x\r\n',
    '2:10 log.level: "loud" is not known here',
    '4:9 proxy.mode: "x" is not known here',
  ],
  // A byte order mark is no column.
  ['\ufefflogg: {}', '1:1 logg: there is no key “logg” here'],
  // Columns count characters, also beyond ASCII.
  ['log: { level: "ü", format: x }', '1:15 log.level: "ü" is not known here', '1:28 log.format: "x" is not known here'],
  // JSON is YAML.
  ['{\n  "log": {\n    "level": "loud"\n  }\n}', '3:14 log.level: "loud" is not known here'],
  // A fault behind an alias is told where the alias stands.
  [
    'log: { level: &x loud }\nproxy: { mode: *x }',
    '1:18 log.level: "loud" is not known here',
    '2:16 proxy.mode: "loud" is not known here',
  ],
]

for (const [name, rows] of Object.entries({ yaml, shape, listen, ways, lists, together })) {
  t.test(`bad files: ${name}`, async (t) => {
    for (const [text, ...expected] of rows) {
      const { problems, printed } = await loadText(text, { env: { EMPTY: '' } })
      const found = brief(problems)
      const matches =
        found.length === expected.length &&
        expected.every((line, i) => (line.endsWith('…') ? found[i]!.startsWith(line.slice(0, -1)) : found[i] === line))
      t.ok(matches, text.slice(0, 70), { expected, found })
      t.notMatch(printed, /undefined|\[object|NaN is not a group/, 'every line of the report is for people')
    }
  })
}

t.test('bytes that are no text', async (t) => {
  for (const bytes of [Buffer.from([0xff, 0xfe, 0x61, 0x00]), Buffer.from([0x61, 0x3a, 0x20, 0xc3, 0x28])]) {
    const { problems } = await loadText(bytes)
    t.strictSame(brief(problems), ['0:0 cannot read the settings: it is not UTF-8 text'])
  }
})

t.test('a file that is too large', async (t) => {
  const { problems } = await loadText(`# ${'x'.repeat(2 * 1024 * 1024)}`)
  t.strictSame(brief(problems), ['0:0 cannot read the settings: it is larger than 2048 KiB'])
})

t.test('a report shows what it may of the line', async (t) => {
  const rows: readonly (readonly [text: string, shown: string])[] = [
    ['proxy:\n  mode manual', '2 |   ***'],
    ['proxy:\n  mode manual\n  http: http://a', '2 |   mode***'],
    ['proxy:\n  http: http://a\n  password hunter2\n', '3 |   password***'],
    ['proxy:\n  http:\n    url: http://a\n    passwrod hunter2\n', '4 |     ***'],
    ['proxy:\n  mode: @x\n', '2 |   mode: @x'],
    ['lgo:\n  level: info', '1 | lgo:'],
    ['proxy:\n  modus: manual # as before', '2 |   modus: *** # ***'],
    ['proxy:\n  exclude: [a, b c', '2 |   exclude: [a, b c'],
    ['upstreams:\n  a: { url: "http://a", pass: geheim }', '2 |   a: { url: "http://a", pass: *** }'],
    ['proxy:\n  http: http://a:x', '2 |   http: http://***'],
    ['proxy:\n  http: http://a:99999/', '2 |   http: http://a:99999/'],
  ]
  for (const [text, shown] of rows) {
    const { printed } = await loadText(text)
    t.ok(printed.split('\n').includes(`  ${shown}`), `${shown}\n${printed}`)
  }
})
