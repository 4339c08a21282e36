import { spawn } from 'node:child_process'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { Command } from './routing.ts'

export interface CommandResult {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export type RunCommand = (command: Command, input?: string) => Promise<CommandResult>

/** Milliseconds. Both programs speak to the kernel only; longer is a hang. */
const LIMIT_MS = 10_000
/** Characters kept of what a program prints: the longest is the list of routes. */
const OUTPUT_CHARS = 1024 * 1024
/** Where the two live on every distribution, for services whose PATH has no sbin. */
const SBIN = '/usr/sbin:/sbin:/usr/bin:/bin'

/** Attempts at a command that others end. */
const ATTEMPTS = 3

/**
 * Runs `nft` or `ip`. Rejects with a `GatewayError` where there is no such program. Whoever stops this gateway may send the signal to all that it has
 * started (a terminal, a service manager): a command that such a signal has ended has told nothing, and is run again.
 */
export const runCommand: RunCommand = async (command, input) => {
  for (let attempt = 1; ; attempt += 1) {
    const { isEndedByOthers, ...result } = await runOnce(command, input)
    if (!isEndedByOthers || attempt === ATTEMPTS) return result
  }
}

function runOnce(command: Command, input?: string): Promise<CommandResult & { readonly isEndedByOthers: boolean }> {
  return new Promise((resolve, reject) => {
    const [program = '', ...args] = command
    const path = `${process.env['PATH'] ?? ''}:${SBIN}`
    const child = spawn(program, args, {
      env: { PATH: path, LC_ALL: 'C' },
      timeout: LIMIT_MS,
      // Not in the group that a terminal sends SIGINT to.
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout = (stdout + text).slice(0, OUTPUT_CHARS)
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(0, OUTPUT_CHARS)
    })
    child.once('error', (cause: NodeJS.ErrnoException) => reject(cannotRun(program, cause)))
    child.once('close', (code, signal) => {
      resolve({ code, stdout, stderr, isEndedByOthers: signal !== null && !child.killed })
    })
    // A program that fails at once closes its input: its own words tell why.
    child.stdin?.on('error', () => {}).end(input)
  })
}

function cannotRun(program: string, cause: NodeJS.ErrnoException): GatewayError {
  const missing = cause.code === 'ENOENT'
  const packageName = program === 'nft' ? 'nftables' : 'iproute2'
  return new GatewayError(
    'INTERNAL',
    `capture: the program ${program} ${missing ? 'is not installed' : `cannot be run: ${cause.code}`}`,
    {
      cause,
      hint: `Install the package ${packageName}, or set capture.enabled: false.`,
    },
  )
}
