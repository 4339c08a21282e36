import type { Dialed } from '../../contracts/dialer.ts'
import type { DoorContext } from '../../contracts/door.ts'
import type { Because, Candidate, Route, RouteQuery, Router } from '../../contracts/route.ts'
import type { AllDialers } from '../../dialers/create-dialers.ts'
import type { FlowRecord } from '../../observe/flow-records.ts'

export interface DecisionWays {
  /** The query with all that can be known of its client. */
  identified(query: RouteQuery): RouteQuery | Promise<RouteQuery>
  readonly router: Router
  readonly dialers: Pick<AllDialers, 'directAddresses'>
}

/** A question of the front's and its answer: of one client, or of all those that asked the same while the answer held. */
export class FrontDecision {
  readonly context: DoorContext
  readonly query: RouteQuery
  /** In which it is made; absent while nobody has asked. */
  epoch: number | undefined
  /** Once decided. */
  route: Route | undefined
  /** Where the way out is a direct one. */
  dialed: Dialed<undefined> | undefined
  /** To try in turn; none: the door serves. */
  addresses: readonly string[] = []

  constructor(context: DoorContext, query: RouteQuery) {
    this.context = context
    this.query = query
  }

  /**
   * Asks as for any flow: same router, same access rules, same resolver. Never rejects: where the way is not simply direct, or anything speaks against
   * it, there are no addresses, for the door will meet the same and has the words for it.
   */
  async make({ identified, router, dialers }: DecisionWays, record: FlowRecord, signal: AbortSignal): Promise<void> {
    try {
      const query = await identified(this.query)
      this.route = await router.route(query, signal)
      record.decided(this.route)
      const candidate = onlyDirect(this.route)
      if (!candidate) return
      this.dialed = { value: undefined, candidate, failed: [] }
      const { addresses } = candidate
      this.addresses = await dialers.directAddresses(query.target, {
        signal,
        query,
        ...(addresses ? { addresses } : {}),
      })
    } catch {
      this.addresses = []
    }
  }

  /** Whether the same question has the same answer until settings, network or containers change: not where a script or a special name decided. */
  get holdsForOthers(): boolean {
    return this.addresses.length > 0 && this.route !== undefined && LASTING.has(this.route.because.source)
  }
}

const LASTING: ReadonlySet<Because['source']> = new Set(['default', 'mode-none', 'manual', 'exclude', 'environment'])

function onlyDirect({ decision, candidates }: Route): Candidate | undefined {
  const [candidate] = candidates
  return decision === 'direct' && candidates.length === 1 && candidate?.hops.length === 0 ? candidate : undefined
}
