import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CORP } from '../lab.ts'
import { takePort } from '../ports.ts'
import type { Scenario } from '../scenario.ts'
import { type Peer, type PeerUser, peer, peerFolder, readLog } from './peer.ts'

const MODULES = [
  'mpm_event',
  'authn_core',
  'authn_file',
  'authz_core',
  'authz_user',
  'auth_basic',
  'proxy',
  'proxy_http',
  'proxy_connect',
  'socache_shmcb',
  'ssl',
]

/** Apache as a forward proxy, in clear or with TLS to its clients. */
export async function startApache(
  scenario: Scenario,
  { user, tls = false }: { user?: PeerUser; tls?: boolean } = {},
): Promise<Peer> {
  const folder = peerFolder(scenario, 'apache')
  const port = takePort()
  const address = CORP['apache.corp.test']
  const leaf = await scenario.ca.leaf('apache.corp.test', address)
  const config = [
    ...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    'ServerName apache.corp.test',
    `ServerRoot ${folder}`,
    `DefaultRuntimeDir ${folder}`,
    `Mutex file:${folder}`,
    'User nobody',
    'Group nogroup',
    `PidFile ${folder}/apache.pid`,
    `Listen ${address}:${port}`,
    `ErrorLog ${folder}/error.log`,
    `CustomLog ${folder}/access.log "%h %l %u \\"%r\\" %>s %b"`,
    'ProxyRequests On',
    'ProxyVia Off',
    'AllowCONNECT 1-65535',
    `ProxySourceAddress ${address}`,
    ...(tls ? ['SSLEngine On', `SSLCertificateFile ${leaf.cert}`, `SSLCertificateKeyFile ${leaf.key}`] : []),
    '<Proxy "*">',
    ...(user ? basicAuth(folder, user) : ['Require all granted']),
    '</Proxy>',
  ]
  writeFileSync(join(folder, 'apache.conf'), `${config.join('\n')}\n`)
  const running = scenario.start('corp', 'apache', ['apache2', '-DFOREGROUND', '-f', `${folder}/apache.conf`])
  await running.listening(address, port)
  // A tunnel is logged when it ends, its failures in the error log.
  return peer('apache.corp.test', port, running, () => readLog(`${folder}/access.log`), user)
}

function basicAuth(folder: string, user: PeerUser): string[] {
  const hash = execFileSync('openssl', ['passwd', '-apr1', '-stdin'], { input: user.password, encoding: 'utf8' }).trim()
  writeFileSync(join(folder, 'users'), `${user.name}:${hash}\n`, { mode: 0o644 })
  return ['AuthType Basic', 'AuthName corp', `AuthUserFile ${folder}/users`, 'Require valid-user']
}
