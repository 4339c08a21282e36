import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * Three hosts on one machine, each a network namespace: a client with no way out but the gateway, the gateway, and the world behind it.
 *
 *     client 10.88.1.2 ──veth── 10.88.1.1 gateway 10.88.2.1 ──veth── 10.88.2.2 world
 */
export const ADDRESSES = { client: '10.88.1.2', inside: '10.88.1.1', outside: '10.88.2.1', world: '10.88.2.2' } as const
export const CLIENT_NETWORK = '10.88.1.0/24'
/** The gateway's device to the client. */
export const INSIDE = 'inside'

export type Host = 'client' | 'gateway' | 'world'
const HOSTS: readonly Host[] = ['client', 'gateway', 'world']
const PLENTY_OF_PORTS = ['net.ipv4.ip_local_port_range=16384 65535', 'net.ipv4.tcp_tw_reuse=1']
/** Before the process id of the run that made it. */
const PREFIX = 'fairlead-bench'

export interface Hosts {
  /** Command line that runs another one there. */
  readonly on: (host: Host) => readonly string[]
  /** A Node program of the bench, with a channel to it. */
  fork(host: Host, program: URL, args?: readonly string[]): ChildProcess
  remove(): void
}

/** Why there can be none here; undefined if there can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  return spawnSync('ip', ['-V']).error ? 'ip is missing (package iproute2)' : undefined
}

/** Makes them, after it has removed what a killed run has left. They go with `remove`, and with this process however it ends but by SIGKILL. */
export function makeHosts(): Hosts {
  removeAbandoned()
  const name = (host: Host) => `${PREFIX}-${process.pid}-${host}`
  const on = (host: Host) => ['ip', 'netns', 'exec', name(host)] as const
  const remove = (): void => {
    for (const host of HOSTS) spawnSync('ip', ['netns', 'delete', name(host)], { stdio: 'ignore' })
  }
  const onSignal = (signal: NodeJS.Signals) => {
    remove()
    process.off(signal, onSignal)
    process.kill(process.pid, signal)
  }
  process.once('exit', remove)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  try {
    for (const host of HOSTS) {
      ip('netns', 'add', name(host))
      ip('-n', name(host), 'link', 'set', 'lo', 'up')
      // Tens of thousands of connections to one place in a minute: else the kernel's search for a free port is what is measured.
      for (const setting of PLENTY_OF_PORTS) run(...on(host), 'sysctl', '-qw', setting)
    }
    cable(name('client'), 'outside', ADDRESSES.client, name('gateway'), INSIDE, ADDRESSES.inside)
    cable(name('gateway'), 'outside', ADDRESSES.outside, name('world'), 'inside', ADDRESSES.world)
    ip('-n', name('client'), 'route', 'add', 'default', 'via', ADDRESSES.inside)
    ip('-n', name('world'), 'route', 'add', CLIENT_NETWORK, 'via', ADDRESSES.outside)
    // Only what nobody takes is forwarded: the row that has no gateway at all.
    run(...on('gateway'), 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
  } catch (thrown) {
    remove()
    throw thrown
  }
  return {
    on,
    fork: (host, program, args = []) => {
      const [command, ...rest] = on(host)
      return fork(program, args, { execPath: command, execArgv: [...rest, process.execPath, '--import=tsx'] })
    },
    remove,
  }
}

function cable(a: string, deviceA: string, addressA: string, b: string, deviceB: string, addressB: string): void {
  ip('-n', a, 'link', 'add', deviceA, 'type', 'veth', 'peer', 'name', deviceB, 'netns', b)
  for (const [namespace, device, address] of [
    [a, deviceA, addressA],
    [b, deviceB, addressB],
  ] as const) {
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', device)
    ip('-n', namespace, 'link', 'set', device, 'up')
  }
}

function removeAbandoned(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' })
  for (const [name, pid] of stdout.matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\w+`, 'gm'))) {
    if (!existsSync(`/proc/${pid}`)) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' })
  }
}

const ip = (...args: string[]): void => run('ip', ...args)

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
