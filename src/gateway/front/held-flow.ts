import type { Dialed } from '../../contracts/dialer.ts'
import type { Flow } from '../../contracts/flow.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { RelayCounts, RelayResult } from '../../contracts/relay.ts'
import type { Candidate, Client, Route } from '../../contracts/route.ts'
import type { Scheme, Scope, Target } from '../../contracts/target.ts'

/** Why a flow of the front ends here without a trace: its client is a door's now, and comes again as a flow of that door. */
export const GIVEN = new GatewayError('INTERNAL', 'the client has been given to its door')

export interface HeldFlowParts {
  readonly id: string
  readonly door: string
  readonly protocol: string
  readonly target: Target
  readonly scheme: Scheme
  readonly scope: Scope
  readonly client: Client
  /** Bytes so far, as the front's thread counts them. */
  readonly counts: Readonly<RelayCounts>
  /** Has the front connect its client; no address: give it to its door. */
  readonly answer: (addresses: readonly string[]) => void
}

/** A tunnel whose two ends are descriptors of the front's thread. What that thread does with them settles the promises of this one. */
export class HeldFlow implements Flow<HeldFlow> {
  readonly id: string
  readonly door: string
  readonly protocol: string
  readonly target: Target
  readonly scheme: Scheme
  readonly scope: Scope
  readonly client: Client
  readonly counts: Readonly<RelayCounts>
  readonly #answer: HeldFlowParts['answer']
  readonly #gone = new AbortController()
  #settleDial: { resolve(at: number): void; reject(error: GatewayError): void } | undefined
  #ended: ((result: RelayResult) => void) | undefined
  #result: RelayResult | undefined

  constructor(parts: HeldFlowParts) {
    this.id = parts.id
    this.door = parts.door
    this.protocol = parts.protocol
    this.target = parts.target
    this.scheme = parts.scheme
    this.scope = parts.scope
    this.client = parts.client
    this.counts = parts.counts
    this.#answer = parts.answer
  }

  /** Aborts when the client has gone, or has been given away. */
  get signal(): AbortSignal {
    return this.#gone.signal
  }

  /** The thread has said yes as soon as the way out stood. */
  accept(): Promise<this> {
    return Promise.resolve(this)
  }

  /** It never comes to that: whoever must be refused is given to its door. */
  reject(): void {}

  /**
   * Opens the way out where it is a direct one, by the addresses that `judged` answers; rejects with GIVEN where it is not, or where anything
   * speaks against it, for the door will meet the same and has the words for it.
   */
  async dial(route: Route, judged: () => Promise<readonly string[]>): Promise<Dialed<HeldFlow>> {
    const candidate = onlyDirect(route)
    const addresses = candidate ? await judged().catch(() => []) : []
    if (!this.signal.aborted) this.#answer(addresses)
    if (this.signal.aborted) throw this.signal.reason
    if (!candidate || addresses.length === 0) throw GIVEN
    const at = await new Promise<number>((resolve, reject) => {
      this.#settleDial = { resolve, reject }
    })
    return { value: this, candidate, failed: [], at }
  }

  /** How the tunnel ended. */
  relayed(): Promise<RelayResult & { readonly at?: number }> {
    if (this.#result) return Promise.resolve(this.#result)
    return new Promise((resolve) => {
      this.#ended = resolve
    })
  }

  /** Both ends are closed by the thread itself. */
  destroy(): void {}

  // From the thread:

  stands(at: number): void {
    this.#settleDial?.resolve(at)
    this.#settleDial = undefined
  }

  ended(result: RelayResult & { readonly at: number }): void {
    this.#result = result
    this.#ended?.(result)
  }

  /** Before the tunnel stood. */
  left(why: GatewayError): void {
    this.#gone.abort(why)
    this.#settleDial?.reject(why)
    this.#settleDial = undefined
  }
}

function onlyDirect({ decision, candidates }: Route): Candidate | undefined {
  const [candidate] = candidates
  return decision === 'direct' && candidates.length === 1 && candidate?.hops.length === 0 ? candidate : undefined
}
