import type { Clock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { elapsed } from './elapsed.ts'
import { saysNothing } from './load-anew.ts'
import { originOf, type PacSource, readScript, type Script } from './script-source.ts'
import { StoredScript } from './stored-script.ts'

/** Reading a script, all redirects and the body included, unless settings say otherwise. */
const READ_MS = 30_000
/** After a failure: Chromium's steps, then this often, or as often as it is read anyway. Chromium's last step is hours, but it goes on without a script; here nothing may. */
const RETRY_MS = [8_000, 32_000, 120_000]
const RETRY_ON_MS = 300_000
/** A script that could not be used, and still is the same, is tried again at the latest after this. Its file is looked at far oftener, and one that hangs costs seconds of a processor each time. */
const REFUSED_AGAIN_MS = 30_000
/** By so much a timer may be early. */
const EARLY_MS = 100
/** Readings given up in a row because the network changed. The next one comes to its end: a network that never settles must not keep a slow server from ever being read. */
const MOST_GIVEN_UP = 3
/** A version on disk older than this is none any more, unless settings say otherwise. */
export const LAST_GOOD_MS = 7 * 24 * 3_600_000
/** How often a version that stays the same is written to disk again, for its age; oftener where it may not get as old. */
const STORE_AGAIN_MS = 300_000
/** But no oftener than this: a server is nobody's to hammer. */
const SOONEST_MS = 10_000
/** How often a file and a URL are looked at again, unless settings say otherwise; an embedded script only while it has not loaded. */
export const REFRESH_MS = { file: 5_000, url: 300_000, embedded: 300_000 }

export interface KeeperOptions {
  readonly source: PacSource
  readonly clock: Clock
  readonly refreshMs?: number
  /** How old a version may be that cannot be read; absent or 0: none is used. It is looked at at least twice as often. */
  readonly lastGoodMs?: number
  readonly readMs?: number
  /** Where the last good version is kept, or why it cannot be; absent: not kept. */
  readonly cacheDir?: string | GatewayError
  /** False: only read. */
  readonly cacheWrites?: boolean
  /** The version that another keeper of this source has in use: it takes the place of that on disk. */
  readonly before?: Script
  /** Takes a version into use; rejects when it cannot be used. */
  readonly use: (script: Script) => Promise<void>
  /** The same for the version of before or on disk, unless there is a version by the time it has loaded. Whether it is in use. */
  readonly useStored: (script: Script) => Promise<boolean>
  /** The version handed over last was read again and is the same. False: it is not in use, and wants handing over again. */
  readonly confirmed: (readAt: number) => boolean
  readonly failed: (error: GatewayError) => void
  /** Whether a version that is in use is on disk too; why not, where it is not: another one stays there until it has decided something. */
  readonly stored: (why: GatewayError | 'undecided' | undefined) => void
}

/** Keeps a script fresh: reads it, hands each new version over, tries again after a failure. One reading at a time. */
export class ScriptKeeper {
  readonly #options: KeeperOptions
  readonly #stored: StoredScript | undefined
  #known: Script | undefined
  #reading: Promise<void> | undefined
  #cancelNext: (() => void) | undefined
  #failures = 0
  /** Whether the next reading takes nothing for known: in another network a server of the same name may be another. */
  #anew = true
  #refused:
    | { readonly sha256: string; readonly error: unknown; readonly since: number; readonly times: number }
    | undefined
  /** The version that has decided something: only such a one takes the place of another on disk. */
  #working: string | undefined
  /** When the version in use was read or confirmed, as `readAt`, as it was last written to disk, or another one was found there that stays. */
  #storedAt = Number.NEGATIVE_INFINITY
  #abort = new AbortController()
  /** Of the reading under way. */
  #outdated = new AbortController()
  /** The network has changed since it began, or somebody has said that the script has. */
  #changed = false
  #givenUp = 0

  constructor(options: KeeperOptions) {
    this.#options = options
    const { source, cacheDir, clock } = options
    if (cacheDir && source.kind === 'url') this.#stored = new StoredScript(cacheDir, source.url, clock)
  }

  /** Reads all of it, also where the server would say that it is the same, and after what is being read now. Settles when it is done, well or not. */
  reload(): Promise<void> {
    this.#beginAnew()
    return this.refresh()
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
    this.#beginAnew()
    if (this.#givenUp < MOST_GIVEN_UP) this.#outdated.abort(new GatewayError('PAC_FAILED', 'the network has changed'))
    return this.refresh()
  }

  /** Takes the version of before, or on disk, into use, if there is one that is not too old. */
  async useStored(): Promise<boolean> {
    const { clock, before, lastGoodMs = LAST_GOOD_MS } = this.#options
    const stored = before ? { script: before, ahead: false } : await this.#stored?.read()
    if (!stored || this.#known || elapsed(clock) - stored.script.readAt > lastGoodMs) return false
    const { script, ahead } = stored
    try {
      if (!(await this.#options.useStored(script))) return false
      this.#known ??= script
      if (!before) this.#working ??= script.sha256
      // A date that lies in the future would count as now at each start, and the version never get too old.
      if (ahead) await this.#store(script)
      return true
    } catch {
      return false
    }
  }

  /** A version has decided something for the first time. */
  async works({ sha256 }: Script): Promise<void> {
    this.#working = sha256
    if (this.#known?.sha256 === sha256) await this.#store(this.#known)
  }

  close(): void {
    this.#cancelNext?.()
    this.#abort.abort(new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down'))
  }

  #beginAnew(): void {
    this.#anew = true
    this.#changed = true
    this.#refused = undefined
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
    const { clock, source, failed, readMs = READ_MS } = this.#options
    this.#cancelNext?.()
    const timeUp = new AbortController()
    const cancel = clock.after(readMs, () =>
      timeUp.abort(
        new GatewayError('PAC_FAILED', `PAC ${originOf(source)}: reading it took longer than ${readMs / 1000} s`),
      ),
    )
    try {
      const signal = AbortSignal.any([timeUp.signal, outdated, this.#abort.signal])
      const script = await readScript(source, elapsed(clock), signal, this.#anew ? undefined : this.#known)
      await this.#takeIn({ ...script, readAt: elapsed(clock) })
      if (!this.#changed) this.#anew = false
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

  /** What has been read: another version, or the one before again. */
  async #takeIn(script: Script): Promise<void> {
    const { confirmed, lastGoodMs = LAST_GOOD_MS } = this.#options
    if (script.sha256 !== this.#known?.sha256) {
      await this.#use(script)
      this.#known = script
      await this.#store(script)
      return
    }
    if (!confirmed(script.readAt)) await this.#use(script)
    this.#known = script
    if (script.readAt - this.#storedAt >= Math.min(STORE_AGAIN_MS, Math.max(lastGoodMs / 4, SOONEST_MS)))
      await this.#store(script)
  }

  async #use(script: Script): Promise<void> {
    const { clock, use } = this.#options
    const refused = this.#refused?.sha256 === script.sha256 ? this.#refused : undefined
    const wait = Math.min(retryMs(refused?.times ?? 0), REFUSED_AGAIN_MS) - EARLY_MS
    if (refused && clock.monotonic() - refused.since < wait) {
      throw refused.error
    }
    try {
      await use(script)
      this.#refused = undefined
    } catch (error) {
      const times = (refused?.times ?? 0) + 1
      // What went wrong while all was to begin anew says nothing of the next time, nor does a name whose turn has not come.
      if (!this.#changed && !saysNothing(toGatewayError(error)))
        this.#refused = { sha256: script.sha256, error, since: clock.monotonic(), times }
      throw error
    }
  }

  async #store(script: Script): Promise<void> {
    if (!this.#stored || this.#options.cacheWrites === false) return
    const { stored } = this.#options
    this.#storedAt = script.readAt
    if (script.sha256 !== this.#working && (await this.#hasOther(script))) {
      // It may have decided meanwhile, and is being written.
      if (script.sha256 !== this.#working) stored('undecided')
      return
    }
    await this.#stored.write(script).then(
      () => stored(undefined),
      (error: unknown) => stored(toGatewayError(error)),
    )
  }

  /** Whether there is another version on disk that may still be used. */
  async #hasOther({ sha256 }: Script): Promise<boolean> {
    const { clock, lastGoodMs = LAST_GOOD_MS } = this.#options
    const kept = (await this.#stored?.read())?.script
    return kept !== undefined && kept.sha256 !== sha256 && elapsed(clock) - kept.readAt <= lastGoodMs
  }

  #schedule(): void {
    const { clock, source, refreshMs, lastGoodMs } = this.#options
    if (this.#abort.signal.aborted) return
    // It cannot change, but what kept it from loading can: a machine too busy to run it in time, a resolver that was away.
    if (source.kind === 'embedded' && this.#failures === 0) return
    const wanted = refreshMs ?? REFRESH_MS[source.kind]
    const regular =
      lastGoodMs !== undefined && lastGoodMs > 0 ? Math.min(wanted, Math.max(lastGoodMs / 2, SOONEST_MS)) : wanted
    this.#cancelNext = clock.after(Math.min(regular, retryMs(this.#failures)), () => void this.refresh())
  }
}

/** How long after so many failures in a row the next try comes. */
function retryMs(failures: number): number {
  return failures === 0 ? Number.POSITIVE_INFINITY : (RETRY_MS[failures - 1] ?? RETRY_ON_MS)
}
