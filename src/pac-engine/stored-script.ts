import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import { elapsed } from './elapsed.ts'
import { MAX_SCRIPT_BYTES } from './limits.ts'
import { type Script, scriptOf } from './script-source.ts'

/** JSON escapes can make six characters of one. */
const MAX_FILE_BYTES = 6 * MAX_SCRIPT_BYTES + 1_000
/** A file that has not been written for so long is of no use: `pac.lastGoodFor` is 30 days at most. */
const TOO_OLD_MS = 30 * 24 * 3_600_000
/** Ours, and what a process that was killed has left of one. */
const OURS = /^pac-[0-9a-f]{32}\.json(?:\.\d+\.\d+\.new)?$/
/** Files of this process: two engines may keep the same script, while one replaces the other. */
let written = 0

/**
 * The last version that worked, on disk, for the day on which its server does not answer. Named by a hash: a PAC URL can hold a secret. Its age is kept as a date, for no other clock outlives
 * the process: one that lies in the future, because the clock is wrong or was, is taken for now.
 */
export class StoredScript {
  readonly #path: string
  readonly #directory: string | GatewayError
  readonly #clock: Clock

  /** `directory`: or why there is none. */
  constructor(directory: string | GatewayError, source: string, clock: Clock) {
    this.#directory = directory
    this.#clock = clock
    const file = `pac-${createHash('sha256').update(source).digest('hex').slice(0, 32)}.json`
    this.#path = directory instanceof GatewayError ? '' : join(directory, file)
  }

  /** Undefined when there is none, or nothing usable: one that is not what was written, too. `ahead`: its date lies in the future. */
  async read(): Promise<{ readonly script: Script; readonly ahead: boolean } | undefined> {
    if (this.#directory instanceof GatewayError) return undefined
    try {
      const stored: unknown = JSON.parse(await readRegular(this.#path))
      if (typeof stored !== 'object' || stored === null) return undefined
      const { script: text, sha256, fetchedAt } = stored as Record<string, unknown>
      if (typeof text !== 'string' || typeof fetchedAt !== 'number') return undefined
      const age = this.#clock.wall() - fetchedAt
      const script = scriptOf(text, elapsed(this.#clock) - Math.max(0, age))
      return script.sha256 === sha256 ? { script, ahead: age < 0 } : undefined
    } catch {
      return undefined
    }
  }

  /** Whole or not at all: written beside, then renamed. Rejects with `GatewayError` PAC_FAILED. */
  async write({ text, sha256, readAt }: Script): Promise<void> {
    if (this.#directory instanceof GatewayError) throw this.#directory
    const fetchedAt = Math.round(this.#clock.wall() - (elapsed(this.#clock) - readAt))
    const beside = `${this.#path}.${process.pid}.${++written}.new`
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 })
      await writeFile(beside, JSON.stringify({ script: text, sha256, fetchedAt }), { mode: 0o600 })
      await rename(beside, this.#path)
      await this.#tidy(this.#directory)
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {})
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
      throw new GatewayError('PAC_FAILED', `cannot keep the PAC script in ${this.#directory}: ${reason}`, {
        cause: error,
        hint: 'Make that folder writable for the gateway, or name another in STATE_DIRECTORY or XDG_STATE_HOME.',
      })
    }
  }
  /** A URL may hold a token that changes, and each is another file. */
  async #tidy(directory: string): Promise<void> {
    for (const name of await readdir(directory).catch(() => [])) {
      const path = join(directory, name)
      if (!OURS.test(name) || name === basename(this.#path)) continue
      const changed = await stat(path).catch(() => undefined)
      if (changed && this.#clock.wall() - changed.mtimeMs > TOO_OLD_MS) await rm(path, { force: true }).catch(() => {})
    }
  }
}

/** Waits for nobody who might write into a pipe, and reads nothing that is too large. */
async function readRegular(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const { size } = await file.stat()
    if (size > MAX_FILE_BYTES) throw new Error('it is too large')
    const bytes = Buffer.alloc(size)
    const { bytesRead } = await file.read(bytes, 0, size, 0)
    return bytes.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
