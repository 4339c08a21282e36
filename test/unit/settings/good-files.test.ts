import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Settings } from '../../../src/settings/settings.ts'
import { formatListenAddress } from '../../../src/wire/listen-address.ts'
import { describeHop } from '../../../src/wire/upstream-url.ts'
import { type LoadTextOptions, loadText } from '../../fixtures/settings/load-text.ts'
import { loopbackCertificate, testAuthority } from '../../fixtures/test-authority.ts'

async function settingsOf(t: Test, text: string, options?: LoadTextOptions): Promise<Settings> {
  const { loaded, printed } = await loadText(text, options)
  if (!loaded) t.fail(`${text}\n${printed}`)
  return loaded!.settings
}

/** What a test looks at, as text. */
const doors = ({ listen }: Settings) =>
  [...listen.mixed, ...listen.tls].map((door) =>
    [formatListenAddress(door.address), door.scope, ...door.from, ...Object.keys(door.users ?? {})].join(' '),
  )
const hops = (chain: Settings['proxy']['http']) =>
  chain.map((hop) => {
    const { credentials } = hop
    return describeHop(hop) + (credentials ? ` ${credentials.username}:${credentials.password.reveal()}` : '')
  })

t.test('nothing at all: direct, on loopback', async (t) => {
  for (const text of ['', '# nothing\n', '---\n', '{}']) {
    const settings = await settingsOf(t, text)
    t.strictSame(doors(settings), ['127.0.0.1:3128 host'])
    t.equal(settings.proxy.mode, 'none')
    t.equal(settings.containersProxy.mode, 'none')
    t.strictSame(settings.containersProxy.transparentPorts, [{ from: 1, to: 65_535 }])
    t.equal(settings.timeouts.dial, 30_000)
    t.equal(settings.timeouts.lifetime, 0)
    t.equal(settings.limits.requestHead, 65_536)
    t.strictSame(settings.trust.ca, [])
    t.equal(settings.status.listen[0]?.auto, true)
  }
})

const doorRows: readonly (readonly [string, ...string[]])[] = [
  ['mixed: 127.0.0.1:8080', '127.0.0.1:8080 host'],
  ['mixed: 8080', '127.0.0.1:8080 host'],
  ['mixed: [127.0.0.1:1, "[::1]:2"]', '127.0.0.1:1 host', '[::1]:2 host'],
  ['mixed: [0, 0]', '127.0.0.1:0 host', '127.0.0.1:0 host'],
  ['mixed: { address: 8080, scope: containers }', '127.0.0.1:8080 containers'],
  ['mixed: [1, { address: 2, scope: containers }]', '127.0.0.1:1 host', '127.0.0.1:2 containers'],
  ['mixed: { address: 0.0.0.0:1, from: 10.0.0.0/8 }', '0.0.0.0:1 host 10.0.0.0/8'],
  ['mixed: { address: 0.0.0.0:1, from: [10.0.0.0/8, "::1"] }', '0.0.0.0:1 host 10.0.0.0/8 ::1/128'],
  ['{ mixed: 0.0.0.0:1, auth: { users: { a: b, c: "d:e" } } }', '0.0.0.0:1 host a c'],
  ['{ mixed: [1, { address: 2, auth: none }], auth: { users: { a: b } } }', '127.0.0.1:1 host a', '127.0.0.1:2 host'],
  ['{ mixed: [{ address: 2, auth: { users: { z: b } } }], auth: { users: { a: b } } }', '127.0.0.1:2 host z'],
  ['mixed: unix:/run/x.sock', 'unix:/run/x.sock host'],
]
t.test('doors', async (t) => {
  for (const [text, ...expected] of doorRows) {
    t.strictSame(
      doors(await settingsOf(t, text.startsWith('{') ? `listen: ${text}` : `listen:\n  ${text}`)),
      expected,
      text,
    )
  }
  const socket = await settingsOf(t, 'listen: { mixed: { address: "unix:x.sock", mode: "660" } }')
  const [door] = socket.listen.mixed
  t.match(door?.address, { kind: 'unix', mode: 0o660 })
  t.ok(
    door?.address.kind === 'unix' && door.address.path.startsWith('/') && door.address.path.endsWith('/x.sock'),
    'beside the file',
  )
})

const wayRows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['proxy: { http: "http://a" }', ['http://a:80'], []],
  ['proxy: { http: "", https: "socks5://b" }', [], ['socks5://b:1080']],
  ['proxy: { https: ["https://a", "socks5h://b:1"] }', [], ['https://a:443', 'socks5h://b:1']],
  ['proxy: { http: "http://u:p%40w@a:8080" }', ['http://a:8080 u:p@w'], []],
  ['proxy: { http: corp }\nupstreams: { corp: "http://a" }', ['http://a:80'], []],
  [
    'proxy: { http: [corp, "http://z"] }\nupstreams: { corp: [one, "http://b"], one: ["http://a"] }',
    ['http://a:80', 'http://b:80', 'http://z:80'],
    [],
  ],
  ['proxy: { http: { url: "http://a", username: u, password: "p:w @/" } }', ['http://a:80 u:p:w @/'], []],
  ['proxy: { http: { url: "http://a", username: u } }', ['http://a:80 u:'], []],
  ['proxy: { http: { url: "http://a", username: "env:U", password: "env:P" } }', ['http://a:80 from-env:näh'], []],
  ['proxy: { http: [{ url: "http://a", username: u, password: "file:pw" }] }', ['http://a:80 u:from-file'], []],
  [
    'proxy: { http: { url: corp } }\nupstreams: { corp: { url: "socks5://a", username: u, password: "file:pw" } }',
    ['socks5://a:1080 u:from-file'],
    [],
  ],
  [
    '{"proxy": {"locked": false, "mode": "manual", "http": "http://a", "https": "", "exclude": [], "pac": "", "embeddedPac": ""}}',
    ['http://a:80'],
    [],
  ],
]
t.test('ways out', async (t) => {
  for (const [text, http, https] of wayRows) {
    const settings = await settingsOf(t, text, { env: { U: 'from-env', P: 'näh' }, files: { pw: 'from-file\n' } })
    t.strictSame(hops(settings.proxy.http), http, text)
    t.strictSame(hops(settings.proxy.https), https, text)
    t.strictSame(hops(settings.containersProxy.http), http, 'containersProxy is the same where it is absent')
  }
})

const modeRows: readonly (readonly [string, string, string])[] = [
  ['', 'none', 'lastGood'],
  ['proxy: {}', 'none', 'lastGood'],
  ['proxy: { locked: true }', 'none', 'block'],
  ['proxy: { locked: true, onPacFailure: direct }', 'none', 'direct'],
  ['proxy: { http: "" }', 'manual', 'lastGood'],
  ['proxy: { exclude: [a] }', 'manual', 'lastGood'],
  ['proxy: { exclude: [a], mode: none }', 'none', 'lastGood'],
  ['proxy: { mode: system }', 'system', 'lastGood'],
  ['proxy: { embeddedPac: "function FindProxyForURL() {}" }', 'manual', 'lastGood'],
]
t.test('modes', async (t) => {
  for (const [text, mode, failure] of modeRows) {
    const { proxy } = await settingsOf(t, text)
    t.strictSame([proxy.mode, proxy.onPacFailure], [mode, failure], text)
  }
})

t.test('PAC: embedded beats a path beats nothing; a path starts at the settings file', async (t) => {
  const script = 'function FindProxyForURL(url, host) { return "DIRECT" }'
  const files = { 'a.pac': script }
  const both = await settingsOf(t, `proxy:\n  pac: a.pac\n  embeddedPac: |\n    ${script}\n`, { files })
  t.strictSame(both.proxy.pac, { kind: 'embedded', script: `${script}\n` })
  const path = await settingsOf(t, 'proxy: { pac: a.pac, embeddedPac: "" }', { files })
  t.ok(path.proxy.pac?.kind === 'file' && path.proxy.pac.path.endsWith(join('/', 'a.pac')))
  const url = await settingsOf(t, 'proxy: { pac: "https://wpad.example/proxy.pac" }')
  t.strictSame(url.proxy.pac, { kind: 'url', url: 'https://wpad.example/proxy.pac' })
})

t.test('exclude and access as a list, as a text, mixed', async (t) => {
  const entries = (list: Settings['proxy']['exclude']) => list.rules.map(({ entry }) => entry)
  for (const text of [
    '[a.example, "*.b", 10.0.0.0/8]',
    '"a.example, *.b;10.0.0.0/8"',
    'a.example *.b 10.0.0.0/8',
    '["a.example,*.b", 10.0.0.0/8]',
  ]) {
    const settings = await settingsOf(t, `proxy:\n  exclude: ${text}\naccess:\n  deny: ${text}\n  allow: ${text}`)
    for (const list of [settings.proxy.exclude, settings.access.deny, settings.access.allow]) {
      t.strictSame(entries(list), ['a.example', '*.b', '10.0.0.0/8'], text)
    }
  }
})

t.test('containersProxy stands for itself', async (t) => {
  const settings = await settingsOf(
    t,
    'proxy: { http: "http://a" }\ncontainersProxy: { https: "http://b", transparentPorts: "80,443" }',
  )
  t.strictSame(hops(settings.containersProxy.http), [])
  t.strictSame(hops(settings.containersProxy.https), ['http://b:80'])
  t.strictSame(settings.containersProxy.transparentPorts, [
    { from: 80, to: 80 },
    { from: 443, to: 443 },
  ])
  const none = await settingsOf(t, 'containersProxy: { transparentPorts: "" }')
  t.strictSame(none.containersProxy.transparentPorts, [])
})

t.test('tuning', async (t) => {
  const { timeouts, limits, log, pac, relay, status } = await settingsOf(
    t,
    'timeouts: { dial: 5s, attempt: 500ms, idle: off }\nlimits: { connections: 10, requestHead: 8KiB }\nlog: { level: debug, format: json }\npac: { refresh: 1h }\nrelay: { fastPath: off }\nstatus: { listen: [9090, unix:/run/s] }',
  )
  t.match(timeouts, { dial: 5000, attempt: 500, idle: 0, handshake: 10_000 })
  t.match(limits, { connections: 10, requestHead: 8192, idleUpstreams: 256 })
  t.strictSame(log, { level: 'debug', format: 'json' })
  t.equal(pac.refresh, 3_600_000)
  t.equal(relay.fastPath, 'off')
  t.strictSame(
    status.listen.map(({ address, auto }) => [formatListenAddress(address), auto]),
    [
      ['127.0.0.1:9090', false],
      ['unix:/run/s', false],
    ],
  )
  t.strictSame((await settingsOf(t, 'status: { listen: off }')).status.listen, [])
})

t.test('TLS: certificate, key and authorities', async (t) => {
  const { cert, key } = await loopbackCertificate()
  const { cert: ca } = await testAuthority()
  const other = (await (await testAuthority()).issue({ names: ['other'] })).key
  const files = { 'c.pem': cert, 'k.pem': key, 'ca.pem': ca, 'other.pem': other, 'empty.pem': 'nothing here' }
  const text = 'listen: { tls: { address: 3129, cert: c.pem, key: k.pem } }\ntrust: { ca: ca.pem }'
  const settings = await settingsOf(t, text, { files })
  t.equal(settings.listen.tls[0]?.cert, cert)
  t.equal(settings.listen.tls[0]?.key.reveal(), key)
  t.equal(settings.trust.ca[0]?.pem, ca)
  t.notMatch(JSON.stringify(settings), 'PRIVATE KEY', 'the key is a secret')
  const bad: readonly (readonly [string, string])[] = [
    ['listen: { tls: { address: 1, cert: c.pem, key: other.pem } }', 'the key does not belong to the certificate'],
    ['listen: { tls: { address: 1, cert: c.pem, key: empty.pem } }', 'the key cannot be used'],
    ['listen: { tls: { address: 1, cert: empty.pem, key: k.pem } }', 'there is no certificate in the file'],
    ['trust: { ca: [ca.pem, k.pem] }', 'there is no certificate in the file'],
  ]
  for (const [text, complaint] of bad) t.match((await loadText(text, { files })).printed, complaint)
})

t.test('origins: line of the file, or default', async (t) => {
  const { loaded } = await loadText('proxy:\n  http: http://u:hunter2@a\n  exclude:\n    - b\n\nlog:\n  level: warn\n')
  const origins = Object.fromEntries(
    loaded!.effective.map(({ path, value, origin }) => [
      path,
      `${value} · ${origin.kind === 'default' ? 'default' : `${origin.file}:${origin.line}`}`,
    ]),
  )
  t.match(origins, {
    'listen.mixed': '127.0.0.1:3128 · default',
    'proxy.mode': 'manual · default',
    'proxy.http': 'http://a:80 · fairlead.yaml:2',
    'proxy.exclude': 'b · fairlead.yaml:4',
    'log.level': 'warn · fairlead.yaml:7',
    'log.format': 'auto · default',
    'timeouts.dial': '30s · default',
    'timeouts.lifetime': 'off · default',
    containersProxy: 'the same as proxy · default',
    'limits.requestHead': '64KiB · default',
  })
})

t.test('warnings', async (t) => {
  const ignored = await loadText('proxy:\n  mode: system\n  http: http://a\n  exclude: []\n')
  t.match(ignored.printed, 'fairlead.yaml:3:3: proxy.http: this has no effect with mode: system')
  t.notMatch(ignored.printed, 'proxy.exclude', 'an empty list is not missed')
})
