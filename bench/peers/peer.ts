import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Door } from '../load/handshake.ts'
import { listeningPort } from '../load/ports.ts'

/** A program that is measured. */
export interface Peer {
  readonly name: string
  /** Debian packages that bring it; none: it is there. */
  readonly packages: readonly string[]
  /** The ways in that are measured. */
  readonly doors: readonly Door[]
  /** Measurements that say something of it; absent: all. */
  readonly only?: readonly string[]
  /** Whether it can be run here. */
  available(): boolean
  start(place: Place): Promise<RunningPeer>
}

/** What a peer may need to know to be set up. */
export interface Place {
  /** A folder of its own, writable for everybody, removed afterwards. */
  readonly folder: string
  /** The origin's port, for those that relay to one place only. */
  readonly origin: number
}

export interface RunningPeer {
  readonly pid: number
  /** Which doors it has, and where. */
  readonly doors: ReadonlyMap<Door, number>
  stop(): Promise<void>
}

/** What can be measured of those that read no plain-HTTP request: servers that know CONNECT and nothing else, and relays. */
export const TUNNELS: readonly string[] = [
  'down-1',
  'down-4',
  'down-64',
  'up-1',
  'up-4',
  'up-64',
  'connects',
  'first-byte',
  'turns',
  'idle-1000',
  'idle-10000',
]

/** Milliseconds a program has to open its port. */
const START_MS = 60_000

export function onPath(program: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export async function freePort(): Promise<number> {
  for (;;) {
    const port = listeningPort()
    const server = createServer().listen(port, '127.0.0.1')
    try {
      await once(server, 'listening')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue
      throw error
    }
    server.close()
    await once(server, 'close')
    return port
  }
}

/** A child with all the descriptors it may have; its output is dropped, and shown if it ends before its time. */
export function launch(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const raised = 'ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"'
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`
  return spawn('sh', ['-c', raised, command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Not as a script of npm's: under `npm start` the gateway looks every second whether npm lives.
    env: { ...process.env, npm_lifecycle_event: undefined, PATH, ...env },
  })
}

/** Starts a program and waits until all its ports answer. */
export async function startProgram(
  command: string,
  args: readonly string[],
  doors: ReadonlyMap<Door, number>,
  env: NodeJS.ProcessEnv = {},
): Promise<RunningPeer> {
  const child = launch(command, args, env)
  let said = ''
  const listen = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-2_000)
  }
  child.stdout!.on('data', listen)
  child.stderr!.on('data', listen)
  const until = performance.now() + START_MS
  for (const port of doors.values()) {
    while (!(await answers(port))) {
      if (child.exitCode !== null || performance.now() > until) {
        child.kill('SIGKILL')
        throw new Error(`${command} did not start: ${said.trim() || 'it said nothing'}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { pid: child.pid!, doors, stop: () => stop(child) }
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 2_000)
  await ended
  clearTimeout(timer)
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

export function makeFolder(): { folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), 'fairlead-bench-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
