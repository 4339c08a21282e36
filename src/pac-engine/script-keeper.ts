import type { Clock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { originOf, type PacSource, readScript, type Script } from './script-source.ts'
import { StoredScript } from './stored-script.ts'

/** Reading a script, all redirects and the body included, unless settings say otherwise. */
const READ_MS = 30_000
/** After a failure: Chromium's steps, then the regular schedule. */
const RETRY_MS = [8_000, 32_000, 120_000]
/** Readings given up in a row because the network changed. The next one comes to its end: a network that never settles must not keep a slow server from ever being read. */
const MOST_GIVEN_UP = 3
/** A version on disk older than this is none any more, unless settings say otherwise. */
export const LAST_GOOD_MS = 7 * 24 * 3_600_000
/** How often a version that stays the same is written to disk again, for its age; oftener where it may not get as old. */
const STORE_AGAIN_MS = 300_000
/** How often a file and a URL are looked at again, unless settings say otherwise; an embedded script only while it has not loaded. */
export const REFRESH_MS = { file: 5_000, url: 300_000, embedded: 300_000 }

export interface KeeperOptions {
  readonly source: PacSource
  readonly clock: Clock
  readonly refreshMs?: number
  readonly lastGoodMs?: number
  readonly readMs?: number
  /** Where the last good version is kept; absent: not kept. */
  readonly cacheDir?: string
  /** False: only read. */
  readonly cacheWrites?: boolean
  /** Takes a version into use; rejects when it cannot be used. */
  readonly use: (script: Script) => Promise<void>
  /** The same for the version on disk, unless there is a version by the time it has loaded. Whether it is in use. */
  readonly useStored: (script: Script) => Promise<boolean>
  /** The version handed over last was read again and is the same. False: it is not in use, and wants handing over again. */
  readonly confirmed: (readAt: number) => boolean
  readonly failed: (error: GatewayError) => void
  /** Whether a version that is in use is on disk too; why not, where it is not. */
  readonly stored: (error: GatewayError | undefined) => void
}

/** Keeps a script fresh: reads it, hands each new version over, tries again after a failure. One reading at a time. */
export class ScriptKeeper {
  readonly #options: KeeperOptions
  readonly #stored: StoredScript | undefined
  #known: Script | undefined
  #reading: Promise<void> | undefined
  #cancelNext: (() => void) | undefined
  #failures = 0
  /** When the version on disk was read or confirmed, by the monotonic clock, if this process wrote it. */
  #storedAt = Number.NEGATIVE_INFINITY
  #abort = new AbortController()
  /** Of the reading under way. */
  #outdated = new AbortController()
  /** The network has changed since it began. */
  #changed = false
  #givenUp = 0

  constructor(options: KeeperOptions) {
    this.#options = options
    const { source, cacheDir, clock } = options
    if (cacheDir && source.kind === 'url') this.#stored = new StoredScript(cacheDir, source.url, clock)
  }

  /** Reads now, out of turn. Settles when it is done, well or not. */
  refresh(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined
      this.#schedule()
    })
    return this.#reading
  }

  /** The same after what is being read now, whose version is in use no more. */
  async again(): Promise<void> {
    await this.#reading
    if (!this.#abort.signal.aborted) await this.refresh()
  }

  /** The same in another network: a reading under way, which the old one may never answer, begins anew; where several were given up before it, after it has ended. */
  networkChanged(): Promise<void> {
    this.#failures = 0
    this.#changed = true
    if (this.#givenUp < MOST_GIVEN_UP) this.#outdated.abort(new GatewayError('PAC_FAILED', 'the network has changed'))
    return this.refresh()
  }

  /** Takes the version on disk into use, if there is one that is not too old. */
  async useStored(): Promise<boolean> {
    const script = await this.#stored?.read()
    if (
      !script ||
      this.#known ||
      this.#options.clock.monotonic() - script.readAt > (this.#options.lastGoodMs ?? LAST_GOOD_MS)
    )
      return false
    try {
      if (!(await this.#options.useStored(script))) return false
      this.#known ??= script
      return true
    } catch {
      return false
    }
  }

  close(): void {
    this.#cancelNext?.()
    this.#abort.abort(new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down'))
  }

  /** As often as the network changes meanwhile. */
  async #readOnce(): Promise<void> {
    do {
      this.#changed = false
      this.#outdated = new AbortController()
      await this.#read(this.#outdated.signal)
    } while (this.#changed && !this.#abort.signal.aborted)
  }

  async #read(outdated: AbortSignal): Promise<void> {
    const { clock, source, use, confirmed, failed, readMs = READ_MS } = this.#options
    this.#cancelNext?.()
    const timeUp = new AbortController()
    const cancel = clock.after(readMs, () =>
      timeUp.abort(
        new GatewayError('PAC_FAILED', `PAC ${originOf(source)}: reading it took longer than ${readMs / 1000} s`),
      ),
    )
    try {
      const signal = AbortSignal.any([timeUp.signal, outdated, this.#abort.signal])
      const script = await readScript(source, clock.monotonic(), signal, this.#known)
      const now = clock.monotonic()
      if (script !== 'unchanged') {
        await use(script)
        this.#known = script
        await this.#store(script)
      } else if (this.#known) {
        const confirmedScript = { ...this.#known, readAt: now }
        if (!confirmed(now)) await use(confirmedScript)
        this.#known = confirmedScript
        const { lastGoodMs = LAST_GOOD_MS } = this.#options
        if (now - this.#storedAt >= Math.min(STORE_AGAIN_MS, lastGoodMs / 4)) await this.#store(confirmedScript)
      }
      this.#failures = 0
      this.#givenUp = 0
    } catch (error) {
      // What went wrong in a network that is no more says nothing.
      if (outdated.aborted) {
        this.#givenUp++
        return
      }
      this.#givenUp = 0
      this.#failures++
      failed(toGatewayError(error))
    } finally {
      cancel()
    }
  }

  async #store(script: Script): Promise<void> {
    this.#storedAt = script.readAt
    if (!this.#stored || this.#options.cacheWrites === false) return
    const { stored } = this.#options
    await this.#stored.write(script).then(
      () => stored(undefined),
      (error: unknown) => stored(toGatewayError(error)),
    )
  }

  #schedule(): void {
    const { clock, source, refreshMs } = this.#options
    if (this.#abort.signal.aborted) return
    // It cannot change, but what kept it from loading can: a machine too busy to run it in time, a resolver that was away.
    if (source.kind === 'embedded' && this.#failures === 0) return
    const regular = refreshMs ?? REFRESH_MS[source.kind]
    const wait = this.#failures === 0 ? regular : Math.min(regular, RETRY_MS[this.#failures - 1] ?? regular)
    this.#cancelNext = clock.after(wait, () => void this.refresh())
  }
}
