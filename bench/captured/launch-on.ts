import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { launch, stop } from '../peers/peer.ts'
import type { Host, Hosts } from './namespaces.ts'

/** A program on one of the hosts. */
export interface Launched {
  readonly pid: number
  /** Resolves at its end; rejects if that was a failure. */
  readonly ended: Promise<void>
  /** Until it listens on a TCP port. */
  listening(port: number): Promise<void>
  until(check: () => boolean | Promise<boolean>): Promise<void>
  stop(): Promise<void>
}

/** Milliseconds a program has to be ready, and between looks. */
const START_MS = 60_000
const LOOK_MS = 20

export function launchOn(hosts: Hosts, host: Host, argv: readonly string[]): Launched {
  const [command, ...args] = [...hosts.on(host), ...argv] as [string, ...string[]]
  const child = launch(command, args)
  let said = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000)
    })
  }
  const fault = (what: string) => new Error(`${argv[0]} ${what}: ${said.trim() || 'it said nothing'}`)
  const ended = once(child, 'close').then(([code]) => {
    if (code !== 0) throw fault(`ended with ${code}`)
  })
  ended.catch(() => {})
  const until: Launched['until'] = async (check) => {
    const end = performance.now() + START_MS
    while (!(await check())) {
      if (child.exitCode !== null || performance.now() > end) {
        child.kill('SIGKILL')
        throw fault('did not start')
      }
      await delay(LOOK_MS)
    }
  }
  return {
    pid: child.pid!,
    ended,
    until,
    listening: (port) => until(() => isListening(child.pid!, port)),
    stop: () => stop(child),
  }
}

/** In the process's own network namespace: local address and port, peer, and state 0A, all in hexadecimal (proc_net_tcp). */
function isListening(pid: number, port: number): boolean {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')} `
  return readFileSync(`/proc/${pid}/net/tcp`, 'latin1')
    .split('\n')
    .some((line) => line.slice(0, 20).includes(ending) && / 0A /.test(line))
}
