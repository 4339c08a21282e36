import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UndoStack } from './undo.ts'

/**
 * Three hosts on one machine, joined by two cables, with no way to anywhere else:
 *
 *     guest (container VM) ─10.77.1.0/24─ gateway (Fairlead) ─10.77.2.0/24─ corp (upstream proxies, registries, origins)
 *
 * The guest has no route beyond its own cable and knows no name but the gateway's: what it reaches, it reaches through Fairlead.
 * Every peer in corp has an address of its own, so that an origin sees from the peer's address which proxy a connection came by.
 */
export type Host = 'guest' | 'gateway' | 'corp'

export interface Lab {
  readonly id: string
  /** The runner's process id: its mount namespace is the machine's own. */
  readonly runner: number
  /** Everything the run writes: configurations, logs, data. Removed at the end. */
  readonly folder: string
  readonly namespaces: Readonly<Record<Host, string>>
}

export const GATEWAY_FOR_GUEST = '10.77.1.1'
const GUEST = '10.77.1.2'
/** Where programs in corp come from that have no address of their own. */
export const CORP_ITSELF = '10.77.2.2'
const GATEWAY_FOR_CORP = '10.77.2.1'

/** Names and addresses in corp. `only-inside` is a name that the gateway itself cannot resolve. */
export const CORP = {
  'squid.corp.test': '10.77.2.10',
  'tinyproxy.corp.test': '10.77.2.11',
  'dante.corp.test': '10.77.2.12',
  'microsocks.corp.test': '10.77.2.13',
  'apache.corp.test': '10.77.2.14',
  'fairlead.corp.test': '10.77.2.15',
  'origin.test': '10.77.2.20',
  'registry-a.test': '10.77.2.30',
  'registry-b.test': '10.77.2.31',
  'registry-c.test': '10.77.2.32',
  'registry-d.test': '10.77.2.33',
  'registry-e.test': '10.77.2.34',
} as const
export type CorpName = keyof typeof CORP
export const CORP_IPV6 = { 'dante.corp.test': 'fd77:2::12', 'origin.test': 'fd77:2::20' } as const
export const ONLY_INSIDE = 'only-inside.corp.test'

/** The system user that dante asks for: exists inside the corp namespace's own /etc/passwd and nowhere else. */
export const CORP_USER = { name: 'dantina', password: 'correct horse' } as const

const ENVIRONMENT = 'FAIRLEAD_E2E_LAB'

export function createLab(undo: UndoStack): Lab {
  const id = `fl${process.pid.toString(36)}`
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-e2e-'))
  undo.push(`folder ${folder}`, () => rmSync(folder, { recursive: true, force: true }))
  // Proxies that drop their privileges read their configuration and write their logs in here.
  chmodSync(folder, 0o755)
  const lab: Lab = {
    id,
    runner: process.pid,
    folder,
    namespaces: { guest: `${id}-guest`, gateway: `${id}-gateway`, corp: `${id}-corp` },
  }
  undo.push('cgroups', () => {
    for (const cgroup of cgroups(lab)) rmdirSync(cgroup)
  })
  for (const host of ['guest', 'gateway', 'corp'] as const) createNamespace(lab.namespaces[host], host, undo)
  cable(
    lab,
    undo,
    { host: 'guest', device: 'gw', address: `${GUEST}/24` },
    { host: 'gateway', device: 'guest', address: `${GATEWAY_FOR_GUEST}/24` },
  )
  cable(
    lab,
    undo,
    { host: 'corp', device: 'gw', address: `${CORP_ITSELF}/24` },
    { host: 'gateway', device: 'corp', address: `${GATEWAY_FOR_CORP}/24` },
  )
  for (const address of new Set(Object.values(CORP)))
    inside(lab, 'corp', ['ip', 'address', 'add', `${address}/24`, 'dev', 'gw'])
  for (const address of Object.values(CORP_IPV6))
    inside(lab, 'corp', ['ip', 'address', 'add', `${address}/64`, 'dev', 'gw', 'nodad'])
  inside(lab, 'gateway', ['ip', 'address', 'add', 'fd77:2::1/64', 'dev', 'corp', 'nodad'])
  writeFileSync(join(folder, 'lab.json'), JSON.stringify(lab))
  return lab
}

/** The lab that the runner made and in whose gateway namespace this process runs. */
export function joinLab(): Lab {
  const file = process.env[ENVIRONMENT]
  if (!file) throw new Error('scenario files run inside the lab: use `npm run e2e -- NAME-OF-FILE`')
  return JSON.parse(readFileSync(file, 'utf8')) as Lab
}

export function labEnvironment(lab: Lab): NodeJS.ProcessEnv {
  return { ...process.env, [ENVIRONMENT]: join(lab.folder, 'lab.json') }
}

/** Processes still alive in the lab, containers among them, as `pid command line`. */
export function leftInLab(lab: Lab): string[] {
  const lists = [
    ...Object.values(lab.namespaces).map((name) => execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' })),
    ...cgroups(lab).map((folder) => readFileSync(join(folder, 'cgroup.procs'), 'utf8')),
  ]
  const pids = new Set(lists.flatMap((list) => list.split('\n').filter(Boolean)))
  return [...pids].map((pid) => `${pid} ${commandLine(pid)}`)
}

/** The cgroups of the engine's containers, deepest first; the engine leaves them, empty, in every tree. */
function cgroups(lab: Lab): string[] {
  const trees = ['/sys/fs/cgroup', ...foldersIn('/sys/fs/cgroup')]
  const withChildren = (folder: string): string[] => [...foldersIn(folder).flatMap(withChildren), folder]
  const roots = trees.map((tree) => join(tree, `${lab.id}-engine`))
  return roots.filter((root) => existsSync(root)).flatMap(withChildren)
}

function foldersIn(folder: string): string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name))
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 200)
  } catch {
    return '(gone)'
  }
}

/** What earlier runs or this one left on the machine under our names. Empty is what it should be. */
export function leftOnMachine(lab: Lab): string[] {
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : []
  const files = existsSync('/etc/netns') ? readdirSync('/etc/netns') : []
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  return [
    ...namespaces.filter((name) => name.startsWith(`${lab.id}-`)).map((name) => `namespace ${name}`),
    ...files.filter((name) => name.startsWith(`${lab.id}-`)).map((name) => `folder /etc/netns/${name}`),
    ...mounts.filter((line) => line.includes(lab.folder)).map((line) => `mount ${line}`),
    ...cgroups(lab).map((folder) => `cgroup ${folder}`),
    ...(existsSync(lab.folder) ? [`folder ${lab.folder}`] : []),
  ]
}

function createNamespace(name: string, host: Host, undo: UndoStack): void {
  // `ip netns exec` lays every file of /etc/netns/NAME over the one in /etc, for that process alone.
  const etc = `/etc/netns/${name}`
  const hadParent = existsSync('/etc/netns')
  mkdirSync(etc, { recursive: true })
  undo.push(etc, () => {
    rmSync(etc, { recursive: true, force: true })
    if (!hadParent && readdirSync('/etc/netns').length === 0) rmSync('/etc/netns', { recursive: true })
  })
  writeFileSync(join(etc, 'hosts'), hostsFile(host))
  writeFileSync(join(etc, 'nsswitch.conf'), 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n')
  // Nothing listens there: an unknown name fails at once.
  writeFileSync(join(etc, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  if (host === 'corp') addCorpUser(etc)
  ip(['netns', 'add', name])
  undo.push(`namespace ${name}`, () => ip(['netns', 'delete', name]))
  ip(['-n', name, 'link', 'set', 'lo', 'up'])
}

function hostsFile(host: Host): string {
  const lines = ['127.0.0.1 localhost', '::1 localhost']
  if (host === 'guest') lines.push(`${GATEWAY_FOR_GUEST} http.docker.internal`)
  else for (const [name, address] of Object.entries(CORP)) lines.push(`${address} ${name}`)
  if (host !== 'guest') lines.push(`${CORP_IPV6['origin.test']} origin6.test`)
  if (host === 'corp') lines.push(`${CORP['origin.test']} ${ONLY_INSIDE}`)
  return `${lines.join('\n')}\n`
}

function addCorpUser(etc: string): void {
  const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], {
    input: CORP_USER.password,
    encoding: 'utf8',
  }).trim()
  const passwd = `${CORP_USER.name}:x:64999:65534::/nonexistent:/usr/sbin/nologin\n`
  writeFileSync(join(etc, 'passwd'), readFileSync('/etc/passwd', 'utf8') + passwd)
  writeFileSync(join(etc, 'shadow'), `${readFileSync('/etc/shadow', 'utf8')}${CORP_USER.name}:${hash}:19000::::::\n`, {
    mode: 0o600,
  })
}

interface CableEnd {
  readonly host: Host
  readonly device: string
  readonly address: string
}

function cable(lab: Lab, undo: UndoStack, a: CableEnd, b: CableEnd): void {
  // A cable goes with the namespace it is plugged into, so it needs no undoing of its own once it is there.
  const loose = `${lab.id.slice(0, 10)}x`
  ip(['link', 'add', loose, 'type', 'veth', 'peer', 'name', b.device, 'netns', lab.namespaces[b.host]])
  undo.push(`cable ${loose}`, () => {
    if (existsSync(`/sys/class/net/${loose}`)) ip(['link', 'delete', loose])
  })
  ip(['link', 'set', loose, 'netns', lab.namespaces[a.host], 'name', a.device])
  for (const end of [a, b]) {
    inside(lab, end.host, ['ip', 'address', 'add', end.address, 'dev', end.device])
    inside(lab, end.host, ['ip', 'link', 'set', end.device, 'up'])
  }
}

function inside(lab: Lab, host: Host, argv: string[]): void {
  ip(['netns', 'exec', lab.namespaces[host], ...argv])
}

function ip(args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
