import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '../lab.ts'
import type { Finished, Running } from '../processes.ts'
import type { Scenario } from '../scenario.ts'
import { peerFolder } from './peer.ts'

export interface EngineOptions {
  /** Default: the guest, which has no way out but the gateway. */
  readonly host?: Host
  /** Of an engine that has run before, with all it has. */
  readonly folder?: string
  /** What the engine has as HTTP and HTTPS proxy; empty: none. */
  readonly proxy: string
  /** Registries that speak plain HTTP. */
  readonly clear: readonly string[]
  /** Its containers live on while it is restarted by `restart` (live-restore). Whoever asks for it removes them in the end. */
  readonly keepsContainers?: boolean
}

export interface Engine {
  readonly running: Running
  /** All that is its own. */
  readonly folder: string
  /** Where it listens, for other clients than `docker`. */
  readonly socket: string
  /** The docker command line against this engine. */
  docker(...args: string[]): Promise<Finished>
  /** Of one that keeps its containers: ends it and waits until it answers again. `away` is called in between. */
  restart(away?: () => Promise<void>): Promise<void>
}

/** Its first start makes a bridge, iptables chains and a storage driver. */
const START_MS = 60_000

/**
 * A whole Docker engine. It runs in a mount namespace with a /run and an /etc/docker
 * of its own, so nothing of it stays on the machine, and with the machine's cgroups, which `ip netns exec` would hide.
 */
export async function startEngine(
  scenario: Scenario,
  { proxy, clear, host = 'guest', folder = peerFolder(scenario, 'engine'), keepsContainers = false }: EngineOptions,
): Promise<Engine> {
  const etc = join(folder, 'etc-docker')
  mkdirSync(etc, { recursive: true })
  const config = {
    'data-root': join(folder, 'data'),
    'exec-root': join(folder, 'exec'),
    pidfile: join(folder, 'docker.pid'),
    hosts: [`unix://${folder}/docker.sock`],
    'cgroup-parent': `/${scenario.lab.id}-engine`,
    'insecure-registries': clear,
    'exec-opts': ['native.cgroupdriver=cgroupfs'],
    'live-restore': keepsContainers,
  }
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify(config))
  const running = scenario.start(host, 'dockerd', ['dockerd', '--config-file', join(folder, 'daemon.json')], {
    env: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: '', SSL_CERT_FILE: scenario.ca.file },
    wrap: (argv) => withCgroups(scenario, host, etc, argv, keepsContainers ? folder : undefined),
  })
  const docker: Engine['docker'] = (...args) =>
    scenario.run(host, ['docker', '--host', `unix://${folder}/docker.sock`, ...args], {
      env: { DOCKER_CONFIG: etc },
    })
  await running.until('an answer to docker version', async () => (await docker('version')).code === 0, START_MS)
  const restart: Engine['restart'] = async (away = async () => {}) => {
    const pid = Number(readFileSync(config.pidfile, 'utf8'))
    const hold = join(folder, HOLD)
    writeFileSync(hold, '')
    process.kill(pid, 'SIGTERM')
    await running.until('the end of the engine', () => !existsSync(`/proc/${pid}`), START_MS)
    await away()
    rmSync(hold)
    await running.until('an answer after the restart', async () => (await docker('version')).code === 0, START_MS)
  }
  return { running, folder, socket: `${folder}/docker.sock`, docker, restart }
}

/** While this file is in the engine's folder, an engine that has ended is not started again. */
const HOLD = 'held'

/** With `again`, the engine's folder: in the same mount namespace once more when it has ended, for that is where its containers' keepers listen. */
function withCgroups(
  scenario: Scenario,
  host: Host,
  etc: string,
  argv: readonly string[],
  again: string | undefined,
): string[] {
  const namespace = scenario.lab.namespaces[host]
  const mounts = [
    `mount --bind /etc/netns/${namespace}/hosts /etc/hosts`,
    `mount --bind /etc/netns/${namespace}/resolv.conf /etc/resolv.conf`,
    `mount --bind ${etc} /etc/docker`,
    'mount -t tmpfs tmpfs /run',
    again ? `while :; do "$@"; while [ -e ${again}/${HOLD} ]; do sleep 0.1; done; done` : 'exec "$@"',
  ].join(' && ')
  // The scenario itself runs under `ip netns exec`, with the cgroups hidden from it; the runner still sees them.
  return [
    'nsenter',
    `--mount=/proc/${scenario.lab.runner}/ns/mnt`,
    `--net=/run/netns/${namespace}`,
    'unshare',
    '--mount',
    'sh',
    '-c',
    mounts,
    'sh',
    ...argv,
  ]
}
