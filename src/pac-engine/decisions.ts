import type { Clock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer, PacQuery, PacTrace } from '../contracts/pac.ts'
import { type Decision, DecisionCache } from './decision-cache.ts'
import type { PacLimits } from './limits.ts'
import type { PacDns } from './pac-dns.ts'
import { clean, scriptFailure, tooManyNames } from './script-failure.ts'
import type { Version } from './script-in-use.ts'
import type { Notes, VmOutcome } from './vm-outcome.ts'

/** Jobs waiting beyond which helper calls are no longer recorded: a trace costs more than the decision. */
const TRACE_WHILE_PENDING = 8

export interface DecisionsOptions {
  readonly origin: string
  readonly way: { readonly via?: string }
  readonly limits: PacLimits
  readonly clock: Clock
  readonly dns: PacDns
  readonly log: (level: 'info' | 'warn', message: string) => void
  readonly version: () => Version | undefined
  /** Where there is none yet: waits for the first, or tells why there will be none. */
  readonly firstVersion: () => Promise<Version | GatewayError>
}

/** A question that is being answered, and everybody who asked it. On the path of every new decision, so made of callbacks and not of promises. */
interface Evaluation {
  readonly query: PacQuery
  readonly key: string
  /** By `clock.monotonic()`. */
  readonly began: number
  /** The network it was begun in. */
  readonly network: number
  readonly waiters: Set<Waiter>
  rounds: number
  /** Names looked up for it so far. */
  asked: Set<string> | undefined
}

interface Waiter {
  readonly resolve: (answer: PacAnswer) => void
  readonly reject: (reason: unknown) => void
  readonly signal: AbortSignal
  readonly aborted: () => void
}

/** Questions to a script and their answers: remembered ones at once, the same question once, names looked up in between. */
export class Decisions {
  readonly #options: DecisionsOptions
  readonly #cache: DecisionCache
  readonly #underWay = new Map<string, Evaluation>()
  readonly #second: () => number
  /** Counted up with each network. */
  #network = 0

  constructor(options: DecisionsOptions) {
    this.#options = options
    this.#cache = new DecisionCache(options.limits.cacheEntries)
    this.#second = () => Math.floor(options.clock.wall() / 1000)
  }

  find(query: PacQuery, signal: AbortSignal): Promise<PacAnswer> {
    const { url, host } = query
    const known = this.#cache.get(url, host, this.#options.clock.monotonic(), this.#second)
    if (known) return settled(known)
    if (signal.aborted) return Promise.reject(signal.reason)
    const key = `${host}\n${url}`
    let evaluation = this.#underWay.get(key)
    if (!evaluation) {
      const { pending } = this.#options.limits
      if (this.#underWay.size >= pending) {
        return Promise.reject(new GatewayError('LIMIT_REACHED', `${pending} PAC decisions are waiting already`))
      }
      evaluation = this.#begin(query, key)
    }
    const { waiters } = evaluation
    return new Promise((resolve, reject) => {
      const aborted = () => {
        waiters.delete(waiter)
        reject(signal.reason)
      }
      const waiter: Waiter = { resolve, reject, signal, aborted }
      waiters.add(waiter)
      signal.addEventListener('abort', aborted)
    })
  }

  /** Another version decides. */
  forget(): void {
    this.#cache.clear()
  }

  /** Those who wait get what they waited for; who asks from now on does not join them. */
  networkChanged(): void {
    this.#network++
    this.#cache.clear()
    this.#underWay.clear()
  }

  #begin(query: PacQuery, key: string): Evaluation {
    const evaluation: Evaluation = {
      query,
      key,
      began: this.#options.clock.monotonic(),
      network: this.#network,
      waiters: new Set(),
      rounds: 0,
      asked: undefined,
    }
    this.#underWay.set(key, evaluation)
    const version = this.#options.version()
    if (version) this.#ask(evaluation, version)
    else {
      this.#options.firstVersion().then(
        (first) => (first instanceof GatewayError ? this.#fail(evaluation, first) : this.#ask(evaluation, first)),
        (error) => this.#fail(evaluation, toGatewayError(error)),
      )
    }
    return evaluation
  }

  #ask(evaluation: Evaluation, version: Version): void {
    this.#options.dns.sweep()
    const trace = evaluation.query.trace === true || version.pool.pending < TRACE_WHILE_PENDING
    version.pool.run(evaluation.query, trace, (outcome) => {
      if (outcome.is === 'missing') this.#lookUp(evaluation, version, outcome.names)
      else this.#decide(evaluation, version, outcome)
    })
  }

  /** Looks up what was missing; then the evaluation starts again. */
  #lookUp(evaluation: Evaluation, version: Version, names: readonly string[]): void {
    const { dns, origin, limits } = this.#options
    evaluation.asked ??= new Set()
    for (const name of names) evaluation.asked.add(name)
    if (evaluation.asked.size > limits.dnsNames || evaluation.rounds > 2 * limits.dnsNames) {
      this.#fail(evaluation, tooManyNames(origin, limits.dnsNames))
      return
    }
    evaluation.rounds++
    dns.resolve(names).then(
      // A newer version may have come meanwhile, and the threads of this one be gone.
      () => this.#ask(evaluation, this.#options.version() ?? version),
      (error) => this.#fail(evaluation, toGatewayError(error)),
    )
  }

  #decide(evaluation: Evaluation, version: Version, outcome: Exclude<VmOutcome, { is: 'missing' }>): void {
    const { clock, dns, limits, origin } = this.#options
    const { query, rounds } = evaluation
    const now = clock.monotonic()
    const { notes } = outcome
    if (outcome.is === 'answer') this.#logAlerts(notes)
    const decision: Decision = {
      host: query.host,
      outcome:
        outcome.is === 'answer'
          ? { result: outcome.answer, trace: this.#trace(version, notes, rounds, now - evaluation.began) }
          : scriptFailure(outcome.failure, origin, version.script.text),
      expires: Math.min(now + limits.cacheMs, dns.expiryOf(notes.used)),
      // A failure is kept for the second too: what hangs is not run again for each connection of a page.
      ...(notes.clock || outcome.is === 'failed' ? { second: this.#second() } : {}),
    }
    const holds = version === this.#options.version() && evaluation.network === this.#network
    if (!notes.random && holds) this.#cache.set(query.url, decision)
    this.#finish(evaluation, decision.outcome)
  }

  #fail(evaluation: Evaluation, error: GatewayError): void {
    this.#finish(evaluation, error)
  }

  #finish(evaluation: Evaluation, outcome: PacAnswer | GatewayError): void {
    if (this.#underWay.get(evaluation.key) === evaluation) this.#underWay.delete(evaluation.key)
    const fresh =
      outcome instanceof GatewayError || !outcome.trace
        ? outcome
        : { ...outcome, trace: { ...outcome.trace, cached: false } }
    for (const { resolve, reject, signal, aborted } of evaluation.waiters) {
      signal.removeEventListener('abort', aborted)
      if (fresh instanceof GatewayError) reject(fresh)
      else resolve(fresh)
    }
  }

  #trace(version: Version, notes: Notes, dnsRounds: number, milliseconds: number): PacTrace {
    return {
      source: this.#options.origin,
      ...this.#options.way,
      sha256: version.script.sha256,
      ageSeconds: Math.max(0, Math.round((this.#options.clock.wall() - version.fetchedAt) / 1000)),
      cached: true,
      milliseconds,
      dnsRounds,
      calls: notes.calls.map(([name, args, answer]) => ({ name, args, answer })),
      ...(notes.alerts.length > 0 ? { alerts: notes.alerts } : {}),
    }
  }

  #logAlerts({ alerts, dropped }: Notes): void {
    const { origin, log } = this.#options
    for (const alert of alerts) log('info', `PAC ${origin} alert: ${clean(alert)}`)
    if (dropped > 0) log('warn', `PAC ${origin}: ${dropped} more alerts are not shown`)
  }
}

function settled({ outcome }: Decision): Promise<PacAnswer> {
  return outcome instanceof GatewayError ? Promise.reject(outcome) : Promise.resolve(outcome)
}
