import type { Clock } from '../contracts/clock.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer, PacQuery } from '../contracts/pac.ts'
import { asItStands, queryHider } from '../wire/query-hider.ts'
import type { AlertLog } from './alert-log.ts'
import { type Decision, DecisionCache } from './decision-cache.ts'
import { asRemembered, shownOf, traceOf } from './decision-trace.ts'
import { elapsed } from './elapsed.ts'
import { HELD_TIMES, HeldAnswers } from './held-answers.ts'
import type { PacLimits } from './limits.ts'
import { ExecutionsAsked } from './names-asked.ts'
import type { PacDns } from './pac-dns.ts'
import { scriptFailure, tooManyNames } from './script-failure.ts'
import type { Version } from './script-in-use.ts'
import { digestOf } from './text-digest.ts'
import { TimeSpent } from './time-spent.ts'
import type { TrackRecord } from './track-record.ts'
import { UnderWay } from './under-way.ts'
import { CLOSED, UNWANTED } from './vm-job.ts'
import type { Notes, VmOutcome } from './vm-outcome.ts'
import { listen, type Row, settle, type Waiter } from './waiter.ts'

/** Jobs waiting beyond which helper calls are no longer recorded: a trace costs more than the decision. */
const TRACE_WHILE_PENDING = 8

/** Milliseconds after which a question begins to listen for its caller's giving up: to listen costs more than what most decisions take. */
const LISTEN_AFTER_MS = 5

export interface DecisionsOptions {
  readonly origin: string
  readonly way: { readonly via?: string }
  readonly limits: PacLimits
  readonly clock: Clock
  readonly dns: PacDns
  /** Hears what scripts say. */
  readonly alerts: Pick<AlertLog, 'tell'>
  /** Hears what came of each, while its version is in use. */
  readonly record: Pick<TrackRecord, 'decided'>
  readonly version: () => Version | undefined
  /** Where there is none yet: waits for the first, or tells why there will be none. */
  readonly firstVersion: () => Promise<Version | GatewayError>
}

/** A question that is being answered, and everybody who asked it. On the path of every new decision, so made of callbacks and not of promises. */
interface Evaluation extends Row {
  readonly query: PacQuery
  readonly key: string
  readonly digest: number
  next: Evaluation | undefined
  readonly spent: TimeSpent
  /** The network it was begun in. */
  readonly network: number
  /** Most have one. */
  first: Waiter | undefined
  others: Waiter[] | undefined
  gone: number
  rounds: number
  /** Names looked up for it so far. */
  asked: ExecutionsAsked | undefined
  /** What it was told of names so far. */
  held: HeldAnswers | undefined
  /** The last answer of the table that it was last sent off with. */
  sent: number
}

type Settled = Exclude<VmOutcome, { is: 'missing' }>

/** Questions to a script and their answers: remembered ones at once, the same question once, names looked up in between. */
export class Decisions {
  readonly #options: DecisionsOptions
  readonly #cache: DecisionCache
  readonly #underWay = new UnderWay<Evaluation>()
  #deaf: Waiter[] = [] // who does not listen yet
  readonly #second: () => number
  /** Counted up with each network. */
  #network = 0

  constructor(options: DecisionsOptions) {
    this.#options = options
    this.#cache = new DecisionCache(options.limits.cacheEntries, options.limits.cacheChars)
    this.#second = () => Math.floor(options.clock.wall() / 1000)
  }

  find(query: PacQuery, signal: AbortSignal): Promise<PacAnswer> {
    const { url, host } = query
    const now = this.#options.clock.monotonic()
    const known = this.#cache.get(url, host, now, this.#second)
    if (known) return this.#remembered(known, now)
    if (signal.aborted) return Promise.reject(signal.reason)
    // The host is nearly always the URL's, and joining texts costs.
    let key = url
    let digest = digestOf(key)
    let evaluation = this.#underWay.get(key, digest)
    if (evaluation && evaluation.query.host !== host) {
      key = `${url}\n${host}`
      digest = digestOf(key)
      evaluation = this.#underWay.get(key, digest)
    }
    if (!evaluation) {
      const { pending } = this.#options.limits
      if (this.#underWay.size >= pending) {
        return Promise.reject(new GatewayError('LIMIT_REACHED', `${pending} PAC decisions are waiting already`))
      }
      evaluation = this.#begin(query, key, digest, now)
    }
    const joined = evaluation
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, signal, row: joined, settled: false, aborted: undefined }
      if (!joined.first) joined.first = waiter
      else if (joined.others) joined.others.push(waiter)
      else joined.others = [waiter]
      this.#listenLater(waiter)
    })
  }

  /** Another version decides. */
  forget(): void {
    this.#cache.clear()
    // Those who wait get what they waited for; who asks from now on does not join them.
    this.#underWay.clear()
  }

  networkChanged(): void {
    this.#network++
    this.forget()
  }

  #listenLater(waiter: Waiter): void {
    this.#deaf.push(waiter)
    if (this.#deaf.length > 1) return
    this.#options.clock.after(LISTEN_AFTER_MS, () => {
      const waiters = this.#deaf
      this.#deaf = []
      for (const waiter of waiters) if (!waiter.settled) listen(waiter)
    })
  }

  #begin(query: PacQuery, key: string, digest: number, now: number): Evaluation {
    const evaluation: Evaluation = {
      query,
      key,
      digest,
      next: undefined,
      spent: new TimeSpent(this.#options.clock, now),
      network: this.#network,
      first: undefined,
      others: undefined,
      gone: 0,
      rounds: 0,
      asked: undefined,
      held: undefined,
      sent: 0,
    }
    this.#underWay.add(evaluation)
    const version = this.#options.version()
    if (version) this.#ask(evaluation, version)
    else this.#askFirst(evaluation)
    return evaluation
  }

  /** Where no version is in use, or only one whose threads are gone. */
  #askFirst(evaluation: Evaluation, gone?: Version): void {
    evaluation.spent.enter('script')
    this.#options.firstVersion().then(
      (first) => {
        if (first instanceof GatewayError) this.#finish(evaluation, first)
        else if (first === gone)
          this.#finish(evaluation, new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down'))
        else this.#ask(evaluation, first)
      },
      (error) => this.#finish(evaluation, toGatewayError(error)),
    )
  }

  #ask(evaluation: Evaluation, version: Version): void {
    const { dns } = this.#options
    dns.sweep()
    evaluation.spent.enter('threads')
    evaluation.sent = dns.serial
    const trace = evaluation.query.trace === true || version.pool.pending < TRACE_WHILE_PENDING
    const { query, held } = evaluation
    const told = held ? { ...query, held: held.entries(this.#network) } : query
    const settled = (outcome: VmOutcome) => {
      if (outcome.is === 'missing') this.#lookUp(evaluation, version, outcome)
      // The threads of a version that is in use no more are gone, and its evaluations with them.
      else if (outcome === CLOSED) this.#askFirst(evaluation, version)
      else if (outcome === UNWANTED) this.#finish(evaluation, new GatewayError('CLIENT_GONE', 'nobody waits for it'))
      else this.#decide(evaluation, version, outcome)
    }
    version.pool.run(told, trace, settled, evaluation)
  }

  /** Looks up what was missing; then the evaluation starts again. */
  #lookUp(evaluation: Evaluation, version: Version, missing: Extract<VmOutcome, { is: 'missing' }>): void {
    const { dns, origin, limits } = this.#options
    evaluation.asked ??= new ExecutionsAsked(limits.dnsNames)
    if (!evaluation.asked.add(missing)) {
      const failure = tooManyNames(origin, limits.dnsNames)
      if (version === this.#options.version()) this.#options.record.decided(version.script, failure, evaluation.query)
      this.#finish(evaluation, failure)
      return
    }
    evaluation.rounds++
    evaluation.held ??= new HeldAnswers(HELD_TIMES * limits.dnsNames)
    const { held } = evaluation
    const network = this.#network
    held.add(dns.answersTo(missing.used), network)
    dns.noteUsed(missing.used)
    evaluation.spent.enter('names')
    dns.resolve(missing.names, evaluation.spent.turns).then(
      (answers) => {
        // Those that the network before gave are no answers in this one.
        if (network === this.#network) held.add(answers, network)
        // Also where nobody waits any more: whoever comes back is not to wait for them again.
        dns.noteUsed(missing.names)
        // A newer version may have come meanwhile, and the threads of this one be gone.
        this.#ask(evaluation, this.#options.version() ?? version)
      },
      (error) => this.#finish(evaluation, toGatewayError(error)),
    )
  }

  #decide(evaluation: Evaluation, version: Version, outcome: Settled): void {
    const { alerts, clock, dns, limits, origin, way } = this.#options
    const { query, rounds } = evaluation
    const now = clock.monotonic()
    const hide = query.trace === true ? asItStands : queryHider(query.url)
    const notes = shownOf(outcome.notes, hide, this.#options)
    dns.noteUsed(notes.used)
    alerts.tell(notes)
    const trace = traceOf(notes, {
      source: origin,
      via: way.via,
      sha256: version.script.sha256,
      ageSeconds: this.#ageOf(version),
      milliseconds: now - evaluation.spent.began,
      dnsRounds: rounds,
    })
    const fresh =
      outcome.is === 'answer'
        ? { result: outcome.answer, trace }
        : scriptFailure(outcome.failure, origin, version.script.text, {
            ...(outcome.loading ? { during: 'the script' } : {}),
            pac: trace,
            hide,
          })
    const inUse = version === this.#options.version()
    if (inUse) this.#options.record.decided(version.script, fresh, query)
    const holds = inUse && evaluation.network === this.#network
    const until = this.#holdsUntil(evaluation, outcome, now)
    if (!notes.random && holds && this.#cache.admits(evaluation.digest, fresh, now) && until > now) {
      this.#cache.set(query.url, {
        host: query.host,
        outcome: fresh,
        decided: now,
        expires: Math.min(now + limits.cacheMs, until),
        second: this.#secondOf(outcome, notes),
      })
    }
    this.#finish(evaluation, fresh)
  }

  /** By what it was told. A failure in any case for the second that it is kept for. */
  #holdsUntil({ sent, held }: Evaluation, { is, notes }: Settled, now: number): number {
    const until = this.#options.dns.expiryOf(notes.used, sent, held?.in(this.#network))
    return is === 'failed' ? Math.max(until, now + 1_000) : until
  }

  /**
   * The one that the script read, which may have passed; a failure is kept for the second too: what hangs is not run again for each connection of a page. That took longer
   * than what is left of the second it read.
   */
  #secondOf(outcome: VmOutcome, { clock }: Notes): number | undefined {
    const failed = outcome.is === 'failed'
    if (clock === undefined || (failed && outcome.failure.kind === 'time')) return failed ? this.#second() : undefined
    return Math.floor(clock / 1000)
  }

  #finish(evaluation: Evaluation, outcome: PacAnswer | GatewayError): void {
    this.#underWay.delete(evaluation)
    if (evaluation.first) settle(evaluation.first, outcome)
    for (const waiter of evaluation.others ?? NOBODY) settle(waiter, outcome)
  }

  /** What was decided before, with the script's age as it is now. */
  #remembered(decision: Decision, now: number): Promise<PacAnswer> {
    const { outcome, decided } = decision
    if (outcome instanceof GatewayError) return Promise.reject(asRemembered(outcome))
    const seconds = Math.floor((now - decided) / 1000)
    let known = decision.remembered
    if (known?.seconds !== seconds) {
      const { trace } = outcome
      const version = this.#options.version()
      const ageSeconds = version ? this.#ageOf(version) : trace?.ageSeconds
      known = { seconds, answer: trace ? { ...outcome, trace: { ...trace, cached: true, ageSeconds } } : outcome }
      decision.remembered = known
    }
    return Promise.resolve(known.answer)
  }

  #ageOf(version: Version): number {
    return Math.max(0, Math.round((elapsed(this.#options.clock) - version.readAt) / 1000))
  }
}

const NOBODY: readonly Waiter[] = []
