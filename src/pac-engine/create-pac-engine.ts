import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer, PacEngine, PacQuery } from '../contracts/pac.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { AlertLog } from './alert-log.ts'
import { Decisions } from './decisions.ts'
import { elapsed, withElapsed } from './elapsed.ts'
import { DEFAULT_LIMITS, type PacLimits } from './limits.ts'
import { LoadAnew, saysNothing } from './load-anew.ts'
import { myAddresses } from './my-addresses.ts'
import { PacDns } from './pac-dns.ts'
import type { PacStatus } from './pac-status.ts'
import { ScriptInUse, type Version } from './script-in-use.ts'
import { LAST_GOOD_MS, ScriptKeeper } from './script-keeper.ts'
import { originOf, type PacSource, type Script } from './script-source.ts'
import { StartNames } from './start-names.ts'
import { TrackRecord } from './track-record.ts'

/** How long `ready`, and a decision before the first version is there, wait for the script's server. Loading what it sent has its own limit. */
export const START_WAIT_MS = 5_000
/** How long it waits, after that, for names that global code asks for. It asks for them one after the other, and each may take its whole time; the script is loaded behind then. */
export const START_NAMES_MS = 5_000
/** In its place where nobody waits for a door to open: as many names as global code may ask for, as slow as they may be. */
export const ALL_NAMES_MS = 120_000

export interface PacEngineOptions {
  readonly source: PacSource
  readonly resolver: Resolver
  readonly clock?: Clock
  /** `lastGood`: a version that worked stays in use while a newer one cannot be had; the other two: it does not. */
  readonly onPacFailure?: 'block' | 'lastGood' | 'direct'
  /** Where the last good version of a URL is kept, or why it cannot be; absent: nobody wants it kept. */
  readonly cacheDir?: string | GatewayError
  /** False: what is there is used, and nothing is written. */
  readonly cacheWrites?: boolean
  /** Under `lastGood`, in place of that on disk: `versionInUse` of another engine with this source. */
  readonly before?: Script | undefined
  /** How often a URL or a file is looked at again. */
  readonly refreshMs?: number
  /** How long ago a version may have been read or confirmed, in memory or on disk, to be used while it cannot be read; 0: none is. */
  readonly lastGoodMs?: number
  /** Reading the script, redirects and body included. */
  readonly readMs?: number
  /** In place of `START_NAMES_MS`. */
  readonly startNamesMs?: number
  readonly limits?: Partial<PacLimits>
  /** The machine's own addresses, best first. */
  readonly myAddresses?: () => Promise<readonly string[]>
  readonly log?: (level: 'info' | 'warn', message: string) => void
}

export interface RunningPacEngine extends PacEngine {
  /** Settles when the first version is in use, has failed, its server kept silent for `START_WAIT_MS`, or names that it needs for `START_NAMES_MS`. Never rejects. */
  readonly ready: Promise<void>
  refresh(): Promise<void>
  /** The machine has other addresses or another resolver: nothing remembered holds. Never rejects. */
  networkChanged(): Promise<void>
  status(): PacStatus
  /** With the age that it has by now. */
  readonly versionInUse: Script | undefined
  /** Why there is no version in use, where the script could be had and does not load. Not where it could not be read, or where its turn, or a name's, did not come. */
  readonly loadFault: GatewayError | undefined
}

/** Starts reading the script at once. */
export function createPacEngine(options: PacEngineOptions): RunningPacEngine {
  return new Engine(options)
}

class Engine implements RunningPacEngine {
  readonly ready: Promise<void>
  readonly #origin: string
  /** `via`, where there is one. */
  readonly #way: { readonly via?: string }
  readonly #clock: Clock
  readonly #lastGood: boolean
  readonly #lastGoodMs: number
  readonly #log: NonNullable<PacEngineOptions['log']>
  readonly #dns: PacDns
  readonly #keeper: ScriptKeeper
  readonly #inUse: ScriptInUse
  readonly #anew: LoadAnew
  readonly #decisions: Decisions
  readonly #record: TrackRecord
  /** Settled when the source has been read for the first time, well or not. */
  readonly #read: Promise<void>
  #wasRead = () => {}
  readonly #startNames: StartNames
  #failure: GatewayError | undefined
  /** The last failure to load what was read. */
  #notLoaded: unknown
  #notKept: string | undefined
  /** What was logged last about it. */
  #warned = ''
  #started = false
  #closed = false

  constructor(options: PacEngineOptions) {
    this.#origin = originOf(options.source)
    this.#way = options.source.kind === 'url' && options.source.via ? { via: options.source.via } : {}
    this.#clock = withElapsed(options.clock)
    this.#lastGood = (options.onPacFailure ?? 'lastGood') === 'lastGood'
    this.#lastGoodMs = options.lastGoodMs ?? LAST_GOOD_MS
    this.#log = options.log ?? (() => {})
    this.#startNames = new StartNames(this.#clock, options.startNamesMs ?? START_NAMES_MS)
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const said = { origin: this.#origin, clock: this.#clock, log: this.#log }
    const common = { ...said, way: this.#way, limits, alerts: new AlertLog(said) }
    this.#dns = new PacDns({
      resolver: options.resolver,
      myAddresses: options.myAddresses ?? myAddresses,
      clock: this.#clock,
      limits,
      onChange: (changes) => this.#inUse.learn(changes),
    })
    this.#inUse = new ScriptInUse({
      ...common,
      dns: this.#dns,
      changed: () => this.#decisions.forget(),
    })
    this.#anew = new LoadAnew(this.#inUse, (error) => {
      this.#failed(error)
      if (!this.#inUse.version) void this.#keeper.again()
    })
    this.#record = new TrackRecord({ ...said, works: (script) => void this.#keeper.works(script) })
    this.#decisions = new Decisions({
      ...common,
      record: this.#record,
      dns: this.#dns,
      version: () => this.#inUse.version,
      firstVersion: () => this.#firstVersion(),
    })
    this.#keeper = new ScriptKeeper({
      source: options.source,
      clock: this.#clock,
      ...(options.refreshMs === undefined ? {} : { refreshMs: options.refreshMs }),
      ...(this.#lastGood ? { lastGoodMs: this.#lastGoodMs } : {}),
      ...(options.readMs === undefined ? {} : { readMs: options.readMs }),
      ...(options.cacheDir === undefined || !this.#lastGood
        ? {}
        : { cacheDir: options.cacheDir, cacheWrites: options.cacheWrites ?? true }),
      ...(options.before ? { before: options.before } : {}),
      use: (script) => this.#use(script),
      useStored: (script) =>
        this.#inUse.use(
          script,
          (before) => before === undefined,
          (names) => this.#startNames.waits('stored', names),
        ),
      confirmed: (readAt) => {
        const { version } = this.#inUse
        if (!version) return false
        version.readAt = readAt
        this.#recovered()
        return true
      },
      failed: (error) => this.#failed(error),
      stored: (why) => this.#stored(why),
    })
    this.#read = new Promise((resolve) => {
      this.#wasRead = resolve
    })
    this.ready = this.#start()
  }

  find(query: PacQuery, signal: AbortSignal): Promise<PacAnswer> {
    return this.#decisions.find(query, signal)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#keeper.close()
    await this.#inUse.close()
  }

  async refresh(): Promise<void> {
    await this.#keeper.reload()
  }

  async networkChanged(): Promise<void> {
    this.#decisions.networkChanged()
    this.#dns.forgetAll()
    // A server that only this network reaches may have the script, or a newer one.
    void this.#keeper.networkChanged()
    await this.#anew.networkChanged()
  }

  status(): PacStatus {
    const { version } = this.#inUse
    return {
      source: this.#origin,
      ...this.#way,
      ...(version ? { sha256: version.script.sha256, fetchedAt: this.#dateOf(version) } : {}),
      ...(version?.script.contentType === undefined ? {} : { contentType: version.script.contentType }),
      ...(this.#failure ? { failure: this.#failure.message } : {}),
      ...(version ? this.#record.of(version.script) : {}),
      ...(version && this.#notKept !== undefined ? { notKept: this.#notKept } : {}),
    }
  }

  get versionInUse(): Script | undefined {
    const { version } = this.#inUse
    return version && { ...version.script, readAt: version.readAt }
  }

  get loadFault(): GatewayError | undefined {
    const failure = this.#failure
    return failure && failure === this.#notLoaded && !this.#inUse.version && !saysNothing(failure) ? failure : undefined
  }

  #dateOf({ readAt }: Version): number {
    return Math.round(this.#clock.wall() - (elapsed(this.#clock) - readAt))
  }

  async #start(): Promise<void> {
    const settledOnce = this.#keeper.refresh()
    const tooLong = new Promise<false>((resolve) => this.#clock.after(START_WAIT_MS, () => resolve(false)))
    const inTime = await Promise.race([this.#read.then(() => true), tooLong])
    if (inTime) await this.#startNames.limit('fresh', settledOnce)
    if (!this.#inUse.version && this.#lastGood && !this.#closed) {
      await this.#startNames.limit('stored', this.#useStored(inTime))
    }
    const { late } = this.#startNames
    if (!this.#inUse.version && !this.#closed && late) this.#log('warn', `PAC ${this.#origin} ${late}`)
    this.#started = true
  }

  async #useStored(inTime: boolean): Promise<void> {
    if (!(await this.#keeper.useStored())) return
    const why = !inTime
      ? `did not answer within ${START_WAIT_MS / 1000} s`
      : this.#failure
        ? 'could not be read'
        : 'is not loaded yet'
    this.#log('warn', `PAC ${this.#origin} ${why}; the last good version is in use`)
  }

  async #use(script: Script): Promise<void> {
    this.#wasRead()
    const waits = (names: readonly string[]) => this.#startNames.waits('fresh', names)
    try {
      await this.#inUse.use(script, () => true, waits)
    } catch (error) {
      this.#notLoaded = error
      throw error
    }
    this.#recovered()
  }

  #recovered(): void {
    this.#failure = undefined
    this.#warned = ''
  }

  #failed(error: GatewayError): void {
    this.#wasRead()
    if (this.#closed) return
    this.#failure = error
    const { version } = this.#inUse
    // `lastGoodFor: off` is for scripts that failed.
    const most = this.#lastGoodMs === 0 && saysNothing(error) ? LAST_GOOD_MS : this.#lastGoodMs
    const old = version !== undefined && elapsed(this.#clock) - version.readAt > most
    const kept = version && !old && (this.#lastGood || saysNothing(error))
    const what = kept ? '; the version before stays in use' : old ? '; the version before is too old to be used' : ''
    const line = `${error.message}${what}${error.hint === undefined ? '' : `. ${error.hint}`}`
    // A file that is gone is looked for every few seconds.
    if (line !== this.#warned) this.#log('warn', line)
    this.#warned = line
    if (!kept) this.#inUse.drop()
  }

  #stored(why: GatewayError | 'undecided' | undefined): void {
    const notKept = why === 'undecided' ? UNDECIDED : why?.message
    if (why instanceof GatewayError && notKept !== this.#notKept) {
      const what = 'it is in use, but will be missing at a start without its server'
      this.#log('warn', `PAC ${this.#origin}: ${why.message}; ${what}. ${why.hint ?? ''}`.trimEnd())
    }
    this.#notKept = notKept
  }

  async #firstVersion(): Promise<Version | GatewayError> {
    if (!this.#started) await this.ready
    if (this.#closed) return new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down')
    if (this.#inUse.version) return this.#inUse.version
    if (this.#failure) return this.#failure
    const { late } = this.#startNames
    if (late) {
      return new GatewayError('PAC_FAILED', `PAC ${this.#origin} ${late}`, {
        hint: 'It is used as soon as they have been answered, or have taken 6 s each. Names are better looked up in FindProxyForURL, where they are needed.',
      })
    }
    return new GatewayError('PAC_FAILED', `PAC ${this.#origin} has not been read yet`, {
      hint: 'Its server has not answered so far; it is being tried again.',
    })
  }
}

const UNDECIDED =
  'the version in use has not named a way out yet: for a start without its server the one before it stays on disk'
