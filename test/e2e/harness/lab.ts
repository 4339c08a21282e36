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
/** Where a direct connection of the gateway comes from, as corp sees it. */
export const GATEWAY_FOR_CORP = '10.77.2.1'
export const GATEWAY_IPV6 = 'fd77:2::1'

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
export const CORP_IPV6 = {
  'squid.corp.test': 'fd77:2::10',
  'dante.corp.test': 'fd77:2::12',
  'origin.test': 'fd77:2::20',
} as const
export const ONLY_INSIDE = 'only-inside.corp.test'

/** The system user that dante asks for: exists inside the corp namespace's own /etc/passwd and nowhere else. */
export const CORP_USER = { name: 'dantina', password: 'correct horse' } as const

const HOSTS = ['guest', 'gateway', 'corp'] as const satisfies readonly Host[]
const FOLDER_PREFIX = 'fairlead-e2e-'
/** `ip netns exec` lays every file of ETC/NAME over the one in /etc, for that process alone. */
const ETC = '/etc/netns'
const ENVIRONMENT = 'FAIRLEAD_E2E_LAB'

/** Makes the lab. Whatever happens, `removeLab` takes down what there is of it. `place`: one run has several, each for a file at a time. */
export function createLab(place: number): Lab {
  const id = `fl${process.pid.toString(36)}${'abcdefgh'[place]}`
  const folder = mkdtempSync(join(tmpdir(), FOLDER_PREFIX))
  const namespaces = { guest: `${id}-guest`, gateway: `${id}-gateway`, corp: `${id}-corp` }
  const lab: Lab = { id, runner: process.pid, folder, namespaces }
  // First of all, so that a later run finds what this one may leave when it is killed.
  writeFileSync(labFile(folder), JSON.stringify(lab))
  // Proxies that drop their privileges read their configuration and write their logs in here.
  chmodSync(folder, 0o755)
  try {
    for (const host of HOSTS) createNamespace(namespaces[host], host)
    layCables(lab)
  } catch (error) {
    removeLab(lab)
    throw error
  }
  return lab
}

/** Ends every program in the lab, then removes all that there is of it. Throws, at the end, with what could not be removed. */
export function removeLab(lab: Lab): void {
  for (const program of leftInLab(lab)) endProgram(program)
  const failed: string[] = []
  const attempt = (what: string, remove: () => void) => {
    try {
      remove()
    } catch (error) {
      failed.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  for (const name of namespacesOf(lab)) attempt(`namespace ${name}`, () => ip(['netns', 'delete', name]))
  // A cable goes with the namespaces it is plugged into; this is for one that never was.
  if (existsSync(`/sys/class/net/${lab.id}`)) attempt(`cable ${lab.id}`, () => ip(['link', 'delete', lab.id]))
  for (const name of Object.values(lab.namespaces)) rmSync(join(ETC, name), { recursive: true, force: true })
  if (existsSync(ETC) && readdirSync(ETC).length === 0) rmdirSync(ETC)
  for (const cgroup of cgroups(lab)) attempt(`cgroup ${cgroup}`, () => rmdirSync(cgroup))
  attempt(`folder ${lab.folder}`, () => rmSync(lab.folder, { recursive: true, force: true }))
  const left = [...failed, ...leftOnMachine(lab)]
  if (left.length > 0) throw new Error(`left on the machine:\n  ${left.join('\n  ')}`)
}

/** Labs of earlier runs that were killed before they could take them down. */
export function abandonedLabs(): Lab[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(FOLDER_PREFIX))
    .map((name) => labFile(join(tmpdir(), name)))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, 'utf8')) as Lab)
    .filter((lab) => !existsSync(`/proc/${lab.runner}`))
}

/** Ends one program of `leftInLab`. */
export function endProgram(program: string): void {
  try {
    process.kill(Number.parseInt(program, 10), 'SIGKILL')
  } catch {
    // It ended by itself in between.
  }
}

/** The lab that the runner made and in whose gateway namespace this process runs. */
export function joinLab(): Lab {
  const file = process.env[ENVIRONMENT]
  if (!file) throw new Error('scenario files run inside the lab: use `npm run e2e -- NAME-OF-FILE`')
  return JSON.parse(readFileSync(file, 'utf8')) as Lab
}

export function labEnvironment(lab: Lab): NodeJS.ProcessEnv {
  return { ...process.env, [ENVIRONMENT]: labFile(lab.folder) }
}

function labFile(folder: string): string {
  return join(folder, 'lab.json')
}

function namespacesOf(lab: Lab): string[] {
  return Object.values(lab.namespaces).filter((name) => existsSync(`/run/netns/${name}`))
}

/** Processes still alive in the lab, containers among them, as `pid command line`. */
export function leftInLab(lab: Lab): string[] {
  const lists = [
    ...namespacesOf(lab).map((name) => execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' })),
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

function leftOnMachine(lab: Lab): string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  return [
    ...leftInLab(lab).map((program) => `process ${program}`),
    ...namespacesOf(lab).map((name) => `namespace ${name}`),
    ...mounts
      .filter((line) => line.includes(lab.folder) || line.includes(`/${lab.id}-`))
      .map((line) => `mount ${line}`),
  ]
}

function createNamespace(name: string, host: Host): void {
  const etc = join(ETC, name)
  mkdirSync(etc, { recursive: true })
  writeFileSync(join(etc, 'hosts'), hostsFile(host))
  writeFileSync(join(etc, 'nsswitch.conf'), 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n')
  // Nothing listens there: an unknown name fails at once.
  writeFileSync(join(etc, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  if (host === 'corp') addCorpUser(etc)
  ip(['netns', 'add', name])
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

function layCables(lab: Lab): void {
  const at = (host: Host, device: string, address: string) => ({ host, device, address: `${address}/24` })
  cable(lab, at('guest', 'gw', GUEST), at('gateway', 'guest', GATEWAY_FOR_GUEST))
  cable(lab, at('corp', 'gw', CORP_ITSELF), at('gateway', 'corp', GATEWAY_FOR_CORP))
  const add = (host: Host, device: string, address: string, ...more: string[]) =>
    inside(lab, host, ['ip', 'address', 'add', address, 'dev', device, ...more])
  for (const address of Object.values(CORP)) add('corp', 'gw', `${address}/24`)
  for (const address of Object.values(CORP_IPV6)) add('corp', 'gw', `${address}/64`, 'nodad')
  add('gateway', 'corp', `${GATEWAY_IPV6}/64`, 'nodad')
}

interface CableEnd {
  readonly host: Host
  readonly device: string
  readonly address: string
}

function cable(lab: Lab, a: CableEnd, b: CableEnd): void {
  ip(['link', 'add', lab.id, 'type', 'veth', 'peer', 'name', b.device, 'netns', lab.namespaces[b.host]])
  ip(['link', 'set', lab.id, 'netns', lab.namespaces[a.host], 'name', a.device])
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
