import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import { elapsed } from './elapsed.ts'
import { MAX_SCRIPT_BYTES } from './limits.ts'
import { type Script, scriptOf } from './script-source.ts'

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
      const json = await readFile(this.#path, 'utf8')
      // JSON escapes can make six characters of one.
      if (json.length > 6 * MAX_SCRIPT_BYTES) return undefined
      const stored: unknown = JSON.parse(json)
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
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {})
      const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
      throw new GatewayError('PAC_FAILED', `cannot keep the PAC script in ${this.#directory}: ${reason}`, {
        cause: error,
        hint: 'Make that folder writable for the gateway, or name another in STATE_DIRECTORY or XDG_STATE_HOME.',
      })
    }
  }
}
