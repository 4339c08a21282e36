import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer, PacQuery } from '../contracts/pac.ts'
import { parsePacResult } from '../wire/pac-result.ts'
import { hideInAnswer, queryHider } from '../wire/query-hider.ts'
import { quoteAnswer } from '../wire/quote-input.ts'
import { saysNothing } from './load-anew.ts'
import type { Script } from './script-source.ts'

export interface TrackRecordOptions {
  readonly origin: string
  readonly log: (level: 'info' | 'warn', message: string) => void
  /** It has named a way out for the first time. */
  readonly works: (script: Script) => void
}

/** What has come of the decisions of the version in use: one that loads need not work. An answer without a way out is a failure, whatever is then done. */
export class TrackRecord {
  readonly #options: TrackRecordOptions
  #sha256 = ''
  #works = false
  #failed = 0
  #last: string | undefined
  /** The latest answer with a way out in it: most scripts have few, and to read one costs. */
  #usable: string | undefined
  /** The version that the log has been told of. */
  #told = ''

  constructor(options: TrackRecordOptions) {
    this.#options = options
  }

  /** Of a version while it is in use. What failed for the sake of others says nothing of it. */
  decided(script: Script, outcome: PacAnswer | GatewayError, query: PacQuery): void {
    if (outcome instanceof GatewayError && saysNothing(outcome)) return
    if (script.sha256 !== this.#sha256) {
      this.#sha256 = script.sha256
      this.#works = false
      this.#failed = 0
      this.#last = undefined
    }
    if (outcome instanceof GatewayError) this.#fails(query, () => outcome.message)
    else if (!this.#isUsable(outcome.result)) this.#fails(query, () => this.#useless(outcome.result, query))
    else if (!this.#works) {
      this.#works = true
      this.#options.works(script)
    }
  }

  /** For `status`. */
  of({ sha256 }: Script): { readonly failedDecisions?: number; readonly lastFailedDecision?: string } {
    if (sha256 !== this.#sha256 || this.#failed === 0) return {}
    return {
      failedDecisions: this.#failed,
      ...(this.#last === undefined ? {} : { lastFailedDecision: this.#last }),
    }
  }

  #isUsable(result: string): boolean {
    if (result === this.#usable) return true
    if (parsePacResult(result).candidates.length === 0) return false
    this.#usable = result
    return true
  }

  #useless(result: string, { url }: PacQuery): string {
    const quoted = quoteAnswer(result, (text) => hideInAnswer(text, queryHider(url)))
    return `PAC ${this.#options.origin} answered ${quoted}, which names no way out`
  }

  #fails(query: PacQuery, say: () => string): void {
    this.#failed++
    // Who asks for a trace is shown the URL as it stands, and nobody else is.
    if (query.trace) return
    const message = say()
    this.#last = message
    if (this.#told === this.#sha256) return
    this.#told = this.#sha256
    this.#options.log(
      'warn',
      `${message} (in a decision of version ${this.#sha256.slice(0, 12)}; more are counted in the status)`,
    )
  }
}
