import { type Clock, systemClock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer, PacEngine, PacQuery, PacTrace } from '../contracts/pac.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { type Decision, DecisionCache } from './decision-cache.ts'
import { DEFAULT_LIMITS, type PacLimits } from './limits.ts'
import { myAddresses } from './my-addresses.ts'
import { PacDns } from './pac-dns.ts'
import { clean, scriptFailure } from './script-failure.ts'
import { ScriptKeeper } from './script-keeper.ts'
import { originOf, type PacSource, type Script } from './script-source.ts'
import type { Notes, VmOutcome } from './vm-outcome.ts'
import { VmPool } from './vm-pool.ts'

/** How long `ready`, and a decision before the first version is there, wait for the script's server. Loading what it sent has its own limit. */
export const START_WAIT_MS = 5_000
/** Jobs waiting beyond which helper calls are no longer recorded: a trace costs more than the decision. */
const TRACE_WHILE_PENDING = 8

export interface PacEngineOptions {
  readonly source: PacSource
  readonly resolver: Resolver
  readonly clock?: Clock
  /** `lastGood`: a version that worked stays in use while a newer one cannot be had; the other two: it does not. */
  readonly onPacFailure?: 'block' | 'lastGood' | 'direct'
  /** Where the last good version of a URL is kept. */
  readonly cacheDir?: string
  /** How often a URL or a file is looked at again. */
  readonly refreshMs?: number
  /** How old a version on disk may be to be used; 0: none is. */
  readonly lastGoodMs?: number
  /** Reading the script, redirects and body included. */
  readonly readMs?: number
  readonly limits?: Partial<PacLimits>
  /** The machine's own addresses, best first. */
  readonly myAddresses?: () => Promise<readonly string[]>
  readonly log?: (level: 'info' | 'warn', message: string) => void
}

export interface PacStatus {
  readonly source: string
  readonly sha256?: string
  /** Milliseconds since the epoch. */
  readonly fetchedAt?: number
  readonly contentType?: string
  /** Why there is no version, or why the one in use is not the newest. */
  readonly failure?: string
}

export interface RunningPacEngine extends PacEngine {
  /** Settles when the first version is in use, has failed, or its server kept silent for `START_WAIT_MS`. Never rejects. */
  readonly ready: Promise<void>
  refresh(): Promise<void>
  /** The machine has other addresses or another resolver: nothing remembered holds. Never rejects. */
  networkChanged(): Promise<void>
  status(): PacStatus
}

interface Version {
  readonly script: Script
  readonly pool: VmPool
  /** Names that the script's global code asked for. */
  readonly loadNotes: Notes
  fetchedAt: number
}

/** Starts reading the script at once. */
export function createPacEngine(options: PacEngineOptions): RunningPacEngine {
  return new Engine(options)
}

class Engine implements RunningPacEngine {
  readonly ready: Promise<void>
  readonly #origin: string
  readonly #clock: Clock
  readonly #limits: PacLimits
  readonly #lastGood: boolean
  readonly #log: NonNullable<PacEngineOptions['log']>
  readonly #dns: PacDns
  readonly #keeper: ScriptKeeper
  readonly #cache: DecisionCache
  readonly #underWay = new Map<string, Promise<Decision>>()
  readonly #second = () => Math.floor(this.#clock.wall() / 1000)
  /** Settled when the source has been read for the first time, well or not. */
  readonly #read: Promise<void>
  #wasRead = () => {}
  #version: Version | undefined
  #failure: GatewayError | undefined
  #started = false
  /** Counted up with each network. */
  #network = 0
  #closed = false

  constructor(options: PacEngineOptions) {
    this.#origin = originOf(options.source)
    this.#clock = options.clock ?? systemClock
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#lastGood = (options.onPacFailure ?? 'lastGood') === 'lastGood'
    this.#log = options.log ?? (() => {})
    this.#cache = new DecisionCache(this.#limits.cacheEntries)
    this.#dns = new PacDns({
      resolver: options.resolver,
      myAddresses: options.myAddresses ?? myAddresses,
      clock: this.#clock,
      limits: this.#limits,
      onChange: (changes) => this.#version?.pool.learn(changes, this.#dns.entries()),
    })
    this.#keeper = new ScriptKeeper({
      source: options.source,
      clock: this.#clock,
      ...(options.refreshMs === undefined ? {} : { refreshMs: options.refreshMs }),
      ...(options.lastGoodMs === undefined ? {} : { lastGoodMs: options.lastGoodMs }),
      ...(options.readMs === undefined ? {} : { readMs: options.readMs }),
      ...(options.cacheDir === undefined || !this.#lastGood ? {} : { cacheDir: options.cacheDir }),
      use: (script) => this.#use(script),
      confirmed: (fetchedAt) => {
        if (this.#version) this.#version.fetchedAt = fetchedAt
        this.#failure = undefined
      },
      failed: (error) => this.#failed(error),
    })
    this.#read = new Promise((resolve) => {
      this.#wasRead = resolve
    })
    this.ready = this.#start()
  }

  find(query: PacQuery, signal: AbortSignal): Promise<PacAnswer> {
    const { url, host } = query
    const known = this.#cache.get(url, host, this.#clock.monotonic(), this.#second)
    if (known) return settled(known)
    return this.#findUnknown(query, signal)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#keeper.close()
    await this.#version?.pool.close()
  }

  async refresh(): Promise<void> {
    await this.#keeper.refresh()
  }

  async networkChanged(): Promise<void> {
    this.#network++
    this.#cache.clear()
    // Those who wait get what they waited for; who asks from now on does not join them.
    this.#underWay.clear()
    this.#dns.forgetAll()
    // What global code learnt of the old network is in the script's variables: only a new VM forgets it.
    const version = this.#version
    if (version && version.loadNotes.used.length > 0) {
      await this.#use(version.script, version).catch((error) => this.#failed(toGatewayError(error)))
    }
    // A server that only this network reaches may have the script, or a newer one.
    void this.#keeper.refresh()
  }

  status(): PacStatus {
    const version = this.#version
    return {
      source: this.#origin,
      ...(version ? { sha256: version.script.sha256, fetchedAt: version.fetchedAt } : {}),
      ...(version?.script.contentType === undefined ? {} : { contentType: version.script.contentType }),
      ...(this.#failure ? { failure: this.#failure.message } : {}),
    }
  }

  async #start(): Promise<void> {
    const settledOnce = this.#keeper.refresh()
    const inTime = await Promise.race([this.#read.then(() => true), this.#wait(START_WAIT_MS).then(() => false)])
    if (inTime) await settledOnce
    if (!this.#version && this.#lastGood && !this.#closed && (await this.#keeper.useStored())) {
      const why = inTime ? 'could not be read' : `did not answer within ${START_WAIT_MS / 1000} s`
      this.#log('warn', `PAC ${this.#origin} ${why}; the last good version is in use`)
    }
    this.#started = true
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve))
  }

  /** Loads a version beside the one in use and puts it in its place; rejects when it does not load. */
  async #use(script: Script, insteadOf?: Version): Promise<void> {
    this.#wasRead()
    const pool = new VmPool(script.text, { limits: this.#limits, clock: this.#clock })
    const loadNotes = await this.#load(pool, script)
    const before = this.#version
    // Another one may have come meanwhile that is newer than this.
    if (this.#closed || (insteadOf && insteadOf !== before)) return pool.close()
    this.#version = { script, pool, loadNotes, fetchedAt: script.fetchedAt }
    this.#failure = undefined
    this.#cache.clear()
    // What changed while it was loading.
    const known = this.#dns.entries()
    pool.learn(known, known)
    if (before) void this.#closeWhenIdle(before.pool)
    const type = script.contentType === undefined ? '' : `, ${clean(script.contentType)}`
    this.#log(
      'info',
      `PAC ${this.#origin}: version ${script.sha256.slice(0, 12)} in use (${script.text.length} characters${type})`,
    )
  }

  async #load(pool: VmPool, script: Script): Promise<Notes> {
    for (let names = 0; ; ) {
      const loaded = await pool.start(this.#dns.entries())
      if (loaded.is === 'ready') return loaded.notes
      if (loaded.is === 'missing') {
        names += loaded.names.length
        if (names <= this.#limits.dnsNames) {
          await this.#dns.resolve(loaded.names)
          continue
        }
      }
      await pool.close()
      if (loaded.is === 'missing') throw this.#tooManyNames()
      throw scriptFailure(loaded.failure, this.#origin, script.text, 'the script')
    }
  }

  /** Evaluations under way still end there; each has its time limit. */
  async #closeWhenIdle(pool: VmPool): Promise<void> {
    const limit = this.#limits.evaluateMs + this.#limits.graceMs
    if (pool.pending > 0) await this.#wait(limit)
    await pool.close()
  }

  #failed(error: GatewayError): void {
    this.#wasRead()
    if (this.#closed) return
    this.#failure = error
    const before = this.#version
    const kept = before && this.#lastGood
    this.#log('warn', `${error.message}${kept ? '; the version before stays in use' : ''}`)
    if (before && !kept) {
      this.#version = undefined
      this.#cache.clear()
      void this.#closeWhenIdle(before.pool)
    }
  }

  async #findUnknown(query: PacQuery, signal: AbortSignal): Promise<PacAnswer> {
    signal.throwIfAborted()
    const key = `${query.host}\n${query.url}`
    let evaluation = this.#underWay.get(key)
    if (!evaluation) {
      if (this.#underWay.size >= this.#limits.pending) {
        throw new GatewayError('LIMIT_REACHED', `${this.#limits.pending} PAC decisions are waiting already`)
      }
      const begun = this.#evaluate(query).finally(() => {
        if (this.#underWay.get(key) === begun) this.#underWay.delete(key)
      })
      evaluation = begun
      this.#underWay.set(key, begun)
    }
    const { outcome } = await unlessAborted(evaluation, signal)
    if (outcome instanceof GatewayError) throw outcome
    return outcome.trace ? { ...outcome, trace: { ...outcome.trace, cached: false } } : outcome
  }

  async #evaluate(query: PacQuery): Promise<Decision> {
    const began = this.#clock.monotonic()
    const network = this.#network
    const version = await this.#currentVersion()
    if (version instanceof GatewayError) return { outcome: version, host: query.host, expires: 0 }
    const { outcome, rounds } = await this.#run(version, query)
    const now = this.#clock.monotonic()
    const { notes } = outcome
    if (outcome.is === 'answer') this.#logAlerts(notes)
    const decision: Decision = {
      host: query.host,
      outcome:
        outcome.is === 'answer'
          ? { result: outcome.answer, trace: this.#trace(version, notes, rounds, now - began) }
          : scriptFailure(outcome.failure, this.#origin, version.script.text),
      expires: Math.min(now + this.#limits.cacheMs, this.#dns.expiryOf(notes.used)),
      // A failure is kept for the second too: what hangs is not run again for each connection of a page.
      ...(notes.clock || outcome.is === 'failed' ? { second: this.#second() } : {}),
    }
    if (!notes.random && version === this.#version && network === this.#network) this.#cache.set(query.url, decision)
    return decision
  }

  /** Evaluates, looks up what was missing, evaluates again. */
  async #run(
    version: Version,
    query: PacQuery,
  ): Promise<{ outcome: Exclude<VmOutcome, { is: 'missing' }>; rounds: number }> {
    const now = this.#clock.wall()
    const asked = new Set<string>()
    for (let rounds = 0; ; rounds++) {
      this.#dns.sweep()
      const trace = query.trace === true || version.pool.pending < TRACE_WHILE_PENDING
      const outcome = await version.pool.run({ url: query.url, host: query.host, now, trace })
      if (outcome.is !== 'missing') return { outcome, rounds }
      for (const name of outcome.names) asked.add(name)
      if (asked.size > this.#limits.dnsNames || rounds > 2 * this.#limits.dnsNames) throw this.#tooManyNames()
      await this.#dns.resolve(outcome.names)
    }
  }

  async #currentVersion(): Promise<Version | GatewayError> {
    if (!this.#version && !this.#started) await this.ready
    if (this.#version) return this.#version
    if (this.#closed) return new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down')
    return (
      this.#failure ??
      new GatewayError('PAC_FAILED', `PAC ${this.#origin} has not been read yet`, {
        hint: 'Its server has not answered so far; it is being tried again.',
      })
    )
  }

  #trace(version: Version, notes: Notes, dnsRounds: number, milliseconds: number): PacTrace {
    return {
      source: this.#origin,
      sha256: version.script.sha256,
      ageSeconds: Math.max(0, Math.round((this.#clock.wall() - version.fetchedAt) / 1000)),
      cached: true,
      milliseconds,
      dnsRounds,
      calls: notes.calls.map(([name, args, answer]) => ({ name, args, answer })),
      ...(notes.alerts.length > 0 ? { alerts: notes.alerts } : {}),
    }
  }

  #logAlerts({ alerts, dropped }: Notes): void {
    for (const alert of alerts) this.#log('info', `PAC ${this.#origin} alert: ${clean(alert)}`)
    if (dropped > 0) this.#log('warn', `PAC ${this.#origin}: ${dropped} more alerts are not shown`)
  }

  #tooManyNames(): GatewayError {
    return new GatewayError('PAC_FAILED', `PAC ${this.#origin} looks up more than ${this.#limits.dnsNames} names`, {
      hint: 'Decide by name with dnsDomainIs or shExpMatch where it is possible.',
    })
  }
}

function settled({ outcome }: Decision): Promise<PacAnswer> {
  return outcome instanceof GatewayError ? Promise.reject(outcome) : Promise.resolve(outcome)
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  })
}
