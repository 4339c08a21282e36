import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Host, Lab } from './lab.ts'
import type { UndoStack } from './undo.ts'

/** How much of a program's output is kept in memory for assertions, from its start; the whole is in the lab's log folder. */
const OUTPUT_LIMIT_CHARS = 64 * 1024 * 1024
/** How long a program gets after SIGTERM. Squid and dockerd tidy up for a second or two. */
const TERM_GRACE_MS = 5_000
const POLL_MS = 20
export const READY_MS = 20_000

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly stdin?: string
  /** Wraps the command line, innermost first: `(argv) => ['unshare', '--mount', ...argv]`. */
  readonly wrap?: (argv: readonly string[]) => readonly string[]
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

/** One program running on one host of the lab. */
export class Running {
  readonly name: string
  readonly exited: Promise<number | null>
  readonly #child: ChildProcess
  #stdout = ''
  #stderr = ''
  #gone = false

  constructor(name: string, child: ChildProcess, log: string) {
    this.name = name
    this.#child = child
    const file = createWriteStream(log)
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout = (this.#stdout + text).slice(0, OUTPUT_LIMIT_CHARS)
      file.write(text)
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(0, OUTPUT_LIMIT_CHARS)
      file.write(text)
    })
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#stderr += `\n${error.message}`
        this.#gone = true
        resolve(null)
      })
      child.once('close', (code) => {
        this.#gone = true
        file.end()
        resolve(code)
      })
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} did not start: ${this.#stderr}`)
    return this.#child.pid
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  get alive(): boolean {
    return !this.#gone
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name)
  }

  /** Ends the program and what it started, by process group. */
  async stop(): Promise<void> {
    if (this.#child.pid === undefined) return
    for (const [name, patience] of [
      ['SIGTERM', TERM_GRACE_MS],
      ['SIGKILL', TERM_GRACE_MS],
    ] as const) {
      try {
        process.kill(-this.#child.pid, name)
      } catch {
        return
      }
      const waited = new AbortController()
      await Promise.race([this.exited, delay(patience, undefined, { signal: waited.signal }).catch(() => undefined)])
      waited.abort()
      if (this.#gone) return
    }
    throw new Error(`${this.name} (pid ${this.#child.pid}) does not end`)
  }

  /** Polls until `check` gives something; fails with the program's last words when it ends or the time is up. */
  async until<T>(
    what: string,
    check: () => T | undefined | false | Promise<T | undefined | false>,
    ms = READY_MS,
  ): Promise<T> {
    const end = performance.now() + ms
    for (;;) {
      const value = await check()
      if (value !== undefined && value !== false) return value
      if (this.#gone) throw new Error(`${this.name} ended before ${what}:\n${this.lastWords()}`)
      if (performance.now() > end) throw new Error(`${this.name}: no ${what} within ${ms} ms:\n${this.lastWords()}`)
      await delay(POLL_MS)
    }
  }

  async listening(host: string, port: number): Promise<void> {
    await this.until(`listening on ${host}:${port}`, () => accepts(host, port))
  }

  lastWords(): string {
    return `${this.#stdout.slice(-1500)}\n${this.#stderr.slice(-1500)}`.trim()
  }
}

export interface Processes {
  /** Starts a program that stays; it is stopped at the end of the file at the latest. */
  start(host: Host, name: string, argv: readonly string[], options?: SpawnOptions): Running
  /** Runs a program to its end. Its exit code is the caller's to judge. */
  run(host: Host, argv: readonly string[], options?: SpawnOptions & { readonly timeoutMs?: number }): Promise<Finished>
}

export function createProcesses(lab: Lab, undo: UndoStack): Processes {
  let count = 0
  const start: Processes['start'] = (host, name, argv, options = {}) => {
    const wrapped = options.wrap ? options.wrap(argv) : ['ip', 'netns', 'exec', lab.namespaces[host], ...argv]
    const child = spawn(wrapped[0]!, wrapped.slice(1), {
      detached: true,
      env: { ...cleanEnvironment(), ...options.env },
      cwd: options.cwd ?? lab.folder,
      stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    child.stdin?.end(options.stdin)
    const running = new Running(name, child, join(lab.folder, `${process.pid}-${++count}-${name}.log`))
    undo.push(`process ${name}`, () => running.stop())
    return running
  }
  return {
    start,
    async run(host, argv, options = {}) {
      const began = performance.now()
      const running = start(host, argv[0] ?? '', argv, options)
      const limit = setTimeout(() => void running.stop(), options.timeoutMs ?? 60_000)
      const code = await running.exited
      clearTimeout(limit)
      return { code, stdout: running.stdout, stderr: running.stderr, ms: performance.now() - began }
    },
  }
}

/** The tester's own settings for proxies, trust and tools must not decide what is tested. */
const OF_THE_TESTER = /^((https?|all|no|ftp)_proxy|(git|curl|docker|ssl_cert|wgetrc|node_extra_ca)_?.*)$/i

function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OF_THE_TESTER.test(name)))
}

export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1_000 })
    const done = (yes: boolean) => {
      socket.destroy()
      resolve(yes)
    }
    socket
      .once('connect', () => done(true))
      .once('error', () => done(false))
      .once('timeout', () => done(false))
  })
}
