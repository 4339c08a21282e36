import t from 'tap'
import { candidateFiles } from '../../../src/settings/find-file.ts'
import { mergeSources } from '../../../src/settings/merge-sources.ts'
import { readSource, type Source, type SourceKind } from '../../../src/settings/source.ts'
import { statusSocket } from '../../../src/settings/status-socket.ts'

function source(kind: SourceKind, text: string): Source {
  const { source, problems } = readSource(text, { kind, file: `${kind}.yaml`, path: `/etc/${kind}.yaml` })
  if (!source || problems.length > 0) throw new Error(JSON.stringify(problems))
  return source
}

const rows: readonly (readonly [
  what: string,
  user: string,
  admin: string,
  data: unknown,
  owners: Record<string, SourceKind | undefined>,
])[] = [
  [
    'one key each',
    'log: { level: warn }',
    'log: { format: json }',
    { log: { level: 'warn', format: 'json' } },
    { 'log.level': 'user', 'log.format': 'admin', 'timeouts.dial': undefined },
  ],
  [
    'the higher rank wins',
    'log: { level: warn }',
    'log: { level: debug }',
    { log: { level: 'debug' } },
    { 'log.level': 'admin' },
  ],
  [
    'a locked group is taken whole',
    'proxy: { http: "http://user", exclude: [a] }',
    'proxy: { locked: true, http: "http://admin" }',
    { proxy: { locked: true, http: 'http://admin' } },
    { 'proxy.http': 'admin', 'proxy.exclude': undefined, proxy: 'admin' },
  ],
  [
    'a group that is not locked is a default',
    'proxy: { http: "http://user" }',
    'proxy: { locked: false, http: "http://admin", exclude: [a] }',
    { proxy: { http: 'http://user' } },
    { 'proxy.http': 'user', 'proxy.exclude': undefined },
  ],
  [
    'a default holds where the user says nothing',
    'log: { level: warn }',
    'proxy: { locked: false, http: "http://admin" }',
    { log: { level: 'warn' }, proxy: { locked: false, http: 'http://admin' } },
    { 'proxy.http': 'admin', 'log.level': 'user' },
  ],
  [
    'a list is taken whole',
    'containerRules: [{ match: { container: a }, use: direct }]',
    'containerRules: [{ match: { container: b }, use: reject }]',
    { containerRules: [{ match: { container: 'b' }, use: 'reject' }] },
    { containerRules: 'admin', 'containerRules.0.use': 'admin' },
  ],
  [
    'names are joined',
    'upstreams: { a: "http://a" }',
    'upstreams: { b: "http://b" }',
    { upstreams: { a: 'http://a', b: 'http://b' } },
    { 'upstreams.a': 'user', 'upstreams.b': 'admin' },
  ],
]

t.test('two sources', async (t) => {
  for (const [what, user, admin, data, owners] of rows) {
    const merged = mergeSources([source('user', user), source('admin', admin)])
    t.strictSame(merged.data, data, what)
    for (const [path, owner] of Object.entries(owners))
      t.equal(merged.sourceOf(path.split('.'))?.kind, owner, `${what}: ${path}`)
  }
})

const places: readonly (readonly [NodeJS.Platform, Record<string, string>, string[]])[] = [
  [
    'linux',
    { HOME: '/home/a' },
    ['/w/fairlead.yaml', '/home/a/.config/fairlead/fairlead.yaml', '/etc/fairlead/fairlead.yaml'],
  ],
  [
    'linux',
    { HOME: '/home/a', XDG_CONFIG_HOME: '/x' },
    ['/w/fairlead.yaml', '/x/fairlead/fairlead.yaml', '/etc/fairlead/fairlead.yaml'],
  ],
  [
    'linux',
    { HOME: '/home/a', XDG_CONFIG_HOME: 'x' },
    ['/w/fairlead.yaml', '/home/a/.config/fairlead/fairlead.yaml', '/etc/fairlead/fairlead.yaml'],
  ],
  ['linux', {}, ['/w/fairlead.yaml', '/etc/fairlead/fairlead.yaml']],
  [
    'darwin',
    { HOME: '/Users/a' },
    [
      '/w/fairlead.yaml',
      '/Users/a/Library/Application Support/Fairlead/fairlead.yaml',
      '/Library/Application Support/Fairlead/fairlead.yaml',
    ],
  ],
  [
    'win32',
    { APPDATA: 'C:\\a', PROGRAMDATA: 'C:\\b' },
    ['\\w\\fairlead.yaml', 'C:\\a\\Fairlead\\fairlead.yaml', 'C:\\b\\Fairlead\\fairlead.yaml'],
  ],
]

t.test('where the settings are looked for', async (t) => {
  for (const [platform, env, files] of places)
    t.strictSame(candidateFiles({ cwd: '/w', env, platform }), files, platform)
})

t.test('where the status socket is', async (t) => {
  const path = (platform: NodeJS.Platform, uid: number, env = {}) => {
    const address = statusSocket({ platform, uid, env })
    return address.kind === 'unix' ? address.path : undefined
  }
  t.equal(path('linux', 0), '/run/fairlead/status.sock')
  t.equal(path('linux', 1000, { XDG_RUNTIME_DIR: '/run/user/1000' }), '/run/user/1000/fairlead/status.sock')
  t.match(path('linux', 1000), /\/fairlead-1000\/status\.sock$/)
  t.match(path('darwin', 501), /\/fairlead-501\/status\.sock$/)
  t.equal(path('win32', 0), '\\\\.\\pipe\\fairlead-status')
})
