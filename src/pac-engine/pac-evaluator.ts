import { domainToASCII } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { systemClock } from '../contracts/clock.ts'
import type { Resolver } from '../contracts/resolver.ts'
import { addressLiteral } from './address-literal.ts'
import { withoutNulAtEnd } from './decode-script.ts'
import type { EvaluatorJob, EvaluatorOutcome, EvaluatorReply, EvaluatorSetup } from './evaluator-worker.ts'
import { withLateNames } from './late-names.ts'
import { DEFAULT_LIMITS, type PacLimits } from './limits.ts'
import { myAddresses } from './my-addresses.ts'
import { ExecutionsAsked } from './names-asked.ts'
import { OWN, PacDns } from './pac-dns.ts'
import { quickjsModule } from './quickjs-module.ts'
import { processorMs, whenSpent } from './running-time.ts'
import { scriptFailure, tooManyNames } from './script-failure.ts'
import { startPacThread } from './start-thread.ts'
import { NO_NOTES, type Notes } from './vm-outcome.ts'

export interface EvaluationRequest {
  readonly script: string
  /** For messages. */
  readonly origin: string
  readonly url: string
  readonly host: string
  /** Addresses by name, in place of real resolution: a name that is not in it does not resolve. */
  readonly dns?: ReadonlyMap<string, readonly string[]>
  readonly myIp?: readonly string[]
  /** Milliseconds since the epoch, where the script's clock stands still; absent: the real time. */
  readonly now?: number
  readonly trace?: boolean
  /** Hears, before the rejection, what a failed script had done until then: its global code, and its function. */
  readonly failed?: (load: Notes, notes: Notes) => void
}

export type { Notes }

export interface Evaluation {
  readonly result: string
  readonly notes: Notes
  /** Of the script's global code. */
  readonly loadNotes: Notes
  readonly milliseconds: number
}

/**
 * Runs any script for any query under made-up or real circumstances, one after the other: for the command line and for tests. The same VM and the
 * same library as the engine's, without its cache and its schedule.
 */
export class PacEvaluator {
  readonly #limits: PacLimits
  readonly #dns: PacDns
  #worker: Worker | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: { readonly resolver: Resolver; readonly limits?: Partial<PacLimits> }) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#dns = new PacDns({
      resolver: options.resolver,
      myAddresses,
      clock: systemClock,
      limits: this.#limits,
      onChange: () => {},
    })
  }

  /** Rejects with `GatewayError` PAC_FAILED; LIMIT_REACHED where the machine left the script too little of its time. */
  evaluate(request: EvaluationRequest): Promise<Evaluation> {
    const evaluation = this.#turn.then(() => this.#evaluate(request))
    this.#turn = evaluation.catch(() => {})
    return evaluation
  }

  async close(): Promise<void> {
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  async #evaluate(request: EvaluationRequest): Promise<Evaluation> {
    const { origin, url, host } = request
    const script = withoutNulAtEnd(request.script)
    const now = request.now ?? systemClock.wall()
    const dns = new Map<string, string | null>()
    for (const [name, addresses] of request.dns ?? []) dns.set(name, addresses.length > 0 ? addresses.join(';') : null)
    if (request.myIp) dns.set(OWN, request.myIp.length > 0 ? request.myIp.join(';') : null)
    const { dnsNames } = this.#limits
    for (const asked = new ExecutionsAsked(dnsNames); ; ) {
      const { outcome, loadNotes } = await this.#run({
        script,
        url,
        host,
        now,
        trace: request.trace ?? false,
        frozen: request.now !== undefined,
        dns: [...dns],
      })
      const shown = (notes: Notes) => withLateNames(notes, this.#dns, this.#limits)
      if (outcome.is === 'answer') {
        const { answer: result, notes, ms: milliseconds } = outcome
        return { result, notes: shown(notes), loadNotes: shown(loadNotes), milliseconds }
      }
      if (outcome.is === 'failed') {
        const notes = shown(outcome.notes)
        request.failed?.(...(outcome.loading ? ([notes, NO_NOTES] as const) : ([shown(loadNotes), notes] as const)))
        throw scriptFailure(outcome.failure, origin, script, outcome.loading ? { during: 'the script' } : {})
      }
      if (!asked.add(outcome)) throw tooManyNames(origin, dnsNames)
      await this.#learn(outcome.names, request, dns)
    }
  }

  async #learn(names: readonly string[], request: EvaluationRequest, dns: Map<string, string | null>): Promise<void> {
    const madeUp = (name: string) => name !== OWN && request.dns !== undefined
    await this.#dns.resolve(names.filter((name) => !madeUp(name)))
    const known = new Map(this.#dns.entries().map(([name, addresses = null]) => [name, addresses]))
    for (const name of names) dns.set(name, madeUp(name) ? lookUp(request.dns, name) : (known.get(name) ?? null))
  }

  async #run(job: EvaluatorJob): Promise<EvaluatorOutcome> {
    const wasm = await quickjsModule(this.#limits.memoryPages)
    this.#worker ??= startPacThread('evaluator-worker', { limits: this.#limits, wasm } satisfies EvaluatorSetup)
    const worker = this.#worker
    // Only an evaluation under way keeps the process alive.
    worker.ref()
    return new Promise((resolve) => {
      const { loadMs, evaluateMs, graceMs, threadStartMs } = this.#limits
      const give = (outcome: EvaluatorOutcome) => {
        cancel()
        worker.off('message', received)
        worker.off('error', failed)
        worker.unref()
        resolve(outcome)
      }
      let loading = true
      const spent = (kind: 'time' | 'crashed', message: string) => {
        this.#worker = undefined
        void worker.terminate()
        give({ outcome: { is: 'failed', failure: { kind, message }, notes: NO_NOTES, loading }, loadNotes: NO_NOTES })
      }
      const failed = (error: unknown) => spent('crashed', error instanceof Error ? error.message : 'unknown')
      const received = (reply: EvaluatorReply) => {
        if (reply.is === 'over') return give(reply)
        if (reply.is === 'loaded') {
          loading = false
          return
        }
        cancel()
        // For a hang that the VM's own limits don't reach; those are of processor time too.
        const limitMs = loadMs + evaluateMs + graceMs
        const { place } = reply
        cancel = whenSpent(
          systemClock,
          limitMs,
          () => processorMs(place),
          () => spent('time', 'its thread was ended'),
        )
      }
      let cancel = systemClock.after(threadStartMs, () => spent('crashed', 'its thread did not start'))
      worker.on('message', received)
      worker.on('error', failed)
      worker.postMessage(job)
    })
  }
}

/** DNS knows no case and no difference between a name and its absolute form; an address is its own answer. */
function lookUp(table: EvaluationRequest['dns'], name: string): string | null {
  const literal = addressLiteral(name)
  if (literal !== undefined) return literal
  const wanted = plain(name)
  for (const [known, addresses] of table ?? []) {
    if (plain(known) === wanted) return addresses.length > 0 ? addresses.join(';') : null
  }
  return null
}

function plain(name: string): string {
  return domainToASCII(name.replace(/\.$/, '')) || name.toLowerCase()
}
