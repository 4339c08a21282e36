import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { AlertLog } from './alert-log.ts'
import type { PacLimits } from './limits.ts'
import { NamesAsked } from './names-asked.ts'
import type { PacDns } from './pac-dns.ts'
import { clean, scriptFailure, tooManyNames } from './script-failure.ts'
import type { Script } from './script-source.ts'
import type { DnsEntry, Notes } from './vm-outcome.ts'
import { VmPool } from './vm-pool.ts'

/** One version of a script with the threads it runs in. */
export interface Version {
  readonly script: Script
  readonly pool: VmPool
  /** What the script's global code asked for. */
  readonly loadNotes: Notes
  /** When it was read or last confirmed, by `elapsed(clock)`. */
  readAt: number
}

export interface ScriptInUseOptions {
  readonly origin: string
  readonly way: { readonly via?: string }
  readonly limits: PacLimits
  readonly clock: Clock
  readonly dns: PacDns
  readonly log: (level: 'info' | 'warn', message: string) => void
  /** Hears what global code says. */
  readonly alerts: Pick<AlertLog, 'tell'>
  /** Another version, or none, is in use. */
  readonly changed: () => void
}

/** The version that decides. A newer one is loaded beside it and takes its place only when that went well. */
export class ScriptInUse {
  version: Version | undefined
  readonly #options: ScriptInUseOptions
  /** Of versions that are not in use yet. */
  readonly #loading = new Set<VmPool>()
  /** Counted up with each network. */
  #network = 0
  /** The script whose global code was heard last, and what it said. */
  #told = ''
  #closed = false

  constructor(options: ScriptInUseOptions) {
    this.#options = options
  }

  /**
   * Whether it is in use now. Rejects with `GatewayError` PAC_FAILED when it does not load. `mayReplace` is asked once it has loaded: another version may have come
   * meanwhile, and be newer. `waits` hears of names without which it cannot be loaded, each time.
   */
  async use(
    script: Script,
    mayReplace: (before: Version | undefined) => boolean = () => true,
    waits: (names: readonly string[]) => void = () => {},
  ): Promise<boolean> {
    const { origin, way, limits, clock, dns, log, changed } = this.#options
    const pool = new VmPool(script.text, { limits, clock, known: () => dns.entries() })
    const loadNotes = await this.#load(pool, script, waits)
    const before = this.version
    if (this.#closed || !mayReplace(before)) {
      await pool.close()
      return false
    }
    // One that is only loaded anew keeps its age: it may have been confirmed since it was read, also while it was being loaded.
    const readAt = before?.script === script ? before.readAt : script.readAt
    this.version = { script, pool, loadNotes, readAt }
    changed()
    if (before) void this.#closeWhenIdle(before.pool)
    const type = script.contentType === undefined ? '' : `, ${clean(script.contentType)}`
    const through = way.via === undefined ? '' : `, read through ${way.via}`
    const described = `${script.text.length} characters${type}${through}`
    log('info', `PAC ${origin}: version ${script.sha256.slice(0, 12)} in use (${described})`)
    return true
  }

  /** No version is to be used. */
  drop(): void {
    const before = this.version
    if (!before) return
    this.version = undefined
    this.#options.changed()
    void this.#closeWhenIdle(before.pool)
  }

  learn(changes: readonly DnsEntry[]): void {
    this.version?.pool.learn(changes)
    for (const pool of this.#loading) pool.learn(changes)
  }

  /** What a script has learnt is forgotten, also of one that is being loaded. */
  beginAnew(): void {
    this.#network++
    this.version?.pool.beginAnew()
    for (const pool of this.#loading) pool.beginAnew()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.version?.pool.close()
  }

  async #load(pool: VmPool, script: Script, waits: (names: readonly string[]) => void): Promise<Notes> {
    const { origin, limits, dns } = this.#options
    this.#loading.add(pool)
    try {
      let asked = new NamesAsked(limits.dnsNames)
      for (let network = this.#network; ; ) {
        const loaded = await pool.start()
        // In another network it begins from the start.
        if (network !== this.#network) asked = new NamesAsked(limits.dnsNames)
        network = this.#network
        if (loaded.is !== 'missing') this.#tellAlerts(script, loaded.notes)
        if (loaded.is === 'ready') return loaded.notes
        if (loaded.is === 'failed') throw scriptFailure(loaded.failure, origin, script.text, { during: 'the script' })
        if (!asked.add(loaded.names)) throw tooManyNames(origin, limits.dnsNames)
        waits(loaded.names)
        pool.hold(dns.answersTo(loaded.used))
        pool.hold(await dns.resolve(loaded.names))
        // Each may take seconds, for which the process would go on.
        if (this.#closed) throw new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down')
      }
    } catch (error) {
      await pool.close()
      throw error
    } finally {
      this.#loading.delete(pool)
    }
  }

  /** Once: one that does not load is tried every few seconds, and one that hangs on the network is loaded anew with each. */
  #tellAlerts({ sha256 }: Script, { alerts, dropped }: Notes): void {
    const told = JSON.stringify([sha256, alerts, dropped])
    if (told !== this.#told) this.#options.alerts.tell({ alerts, dropped })
    this.#told = told
  }

  /** Evaluations under way still end there; each has its time limit. */
  async #closeWhenIdle(pool: VmPool): Promise<void> {
    const { limits, clock } = this.#options
    if (pool.pending > 0) {
      await new Promise<void>((resolve) => clock.after(limits.evaluateMs + limits.graceMs, resolve))
    }
    await pool.close()
  }
}
