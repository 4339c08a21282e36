import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { CORP, CORP_IPV6 } from '../lab.ts'
import { takePort } from '../ports.ts'
import type { Scenario } from '../scenario.ts'
import { type Peer, type PeerUser, peer, peerFolder, readLog } from './peer.ts'

export interface SquidOptions {
  readonly user?: PeerUser
  /** Serve TLS to its clients, with a certificate of the test CA: an "HTTPS proxy". */
  readonly tls?: boolean
  /** Slows down what comes from servers, after the first seconds' worth. */
  readonly bytesPerSecond?: number
}

export async function startSquid(
  scenario: Scenario,
  { user, tls = false, bytesPerSecond }: SquidOptions = {},
): Promise<Peer> {
  const folder = peerFolder(scenario, 'squid')
  const port = takePort()
  const address = CORP['squid.corp.test']
  const leaf = await scenario.ca.leaf('squid.corp.test', address)
  const listen = tls
    ? `https_port ${address}:${port} tls-cert=${leaf.cert} tls-key=${leaf.key}`
    : `http_port ${address}:${port}`
  const config = [
    listen,
    ...(tls ? [] : [`http_port [${CORP_IPV6['squid.corp.test']}]:${port}`]),
    `tcp_outgoing_address ${address}`,
    'visible_hostname squid.corp.test',
    `pid_filename ${folder}/squid.pid`,
    `cache_log ${folder}/cache.log`,
    `access_log stdio:${folder}/access.log`,
    `coredump_dir ${folder}`,
    'cache deny all',
    'pinger_enable off',
    'max_filedescriptors 4096',
    'shutdown_lifetime 0 seconds',
    ...(bytesPerSecond ? slowed(bytesPerSecond) : []),
    ...(user ? basicAuth(folder, user) : ['http_access allow all']),
  ]
  writeFileSync(join(folder, 'squid.conf'), `${config.join('\n')}\n`)
  // By its name squid finds what it shares between its processes, in /dev/shm: that of another one on this machine is none of ours.
  const name = basename(folder).replaceAll('-', '')
  const running = scenario.start('corp', 'squid', ['squid', '-N', '-n', name, '-f', `${folder}/squid.conf`])
  await running.listening(address, port)
  return peer('squid.corp.test', port, running, () => readLog(`${folder}/access.log`), user)
}

/** One pool for all: how fast it fills up, and how much it holds. */
function slowed(bytesPerSecond: number): string[] {
  const pool = `${bytesPerSecond}/${2 * bytesPerSecond}`
  return ['delay_pools 1', 'delay_class 1 1', `delay_parameters 1 ${pool}`, 'delay_access 1 allow all']
}

function basicAuth(folder: string, user: PeerUser): string[] {
  const hash = execFileSync('openssl', ['passwd', '-apr1', '-stdin'], { input: user.password, encoding: 'utf8' }).trim()
  writeFileSync(join(folder, 'users'), `${user.name}:${hash}\n`, { mode: 0o644 })
  return [
    `auth_param basic program /usr/lib/squid/basic_ncsa_auth ${folder}/users`,
    'auth_param basic realm corp',
    'acl known proxy_auth REQUIRED',
    'http_access allow known',
    'http_access deny all',
  ]
}
