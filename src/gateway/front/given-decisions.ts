import type { FailedConnect } from '../../contracts/dialer.ts'
import type { Route, RouteQuery } from '../../contracts/route.ts'

/** How far the front has come with a client that its door then has. Times are monotonic milliseconds. */
export interface Given {
  readonly query: RouteQuery
  readonly route: Route
  readonly epoch: number
  readonly askedAt: number
  readonly decidedAt: number
  /** Addresses that it could not connect to. */
  readonly failed: readonly FailedConnect[]
}

/** Milliseconds in which a client that was given to its door has asked there again; later it is decided anew. */
const KEEP_MS = 1_000
/** Clients on their way between two threads of one process. */
const MAX_GIVEN = 4_096

/**
 * What was decided for clients that the front then gave to their doors, where they ask for the same again: a script is run once for them, not
 * twice, and an address that has refused them is not asked again. Each is used once, and not past a change of settings, network or containers.
 */
export class GivenDecisions {
  readonly #given = new Map<string, Given & { readonly until: number }>()

  /** `door`: its name. `now`: monotonic milliseconds. */
  keep(door: string, given: Given, now: number): void {
    if (this.#given.size >= MAX_GIVEN) this.#given.clear()
    this.#given.set(keyOf(door, given.query), { ...given, until: now + KEEP_MS })
  }

  take(door: string, query: RouteQuery, epoch: number, now: number): Given | undefined {
    const key = keyOf(door, query)
    const given = this.#given.get(key)
    if (given === undefined) return undefined
    this.#given.delete(key)
    return given.epoch === epoch && given.until > now && isSame(given.query, query) ? given : undefined
  }
}

/** One connection of one client. */
function keyOf(door: string, { client }: RouteQuery): string {
  return `${door} ${client.address} ${client.port}`
}

function isSame(a: RouteQuery, b: RouteQuery): boolean {
  const sameTarget = a.target.host === b.target.host && a.target.port === b.target.port
  return sameTarget && a.scheme === b.scheme && a.scope === b.scope && a.client.container === b.client.container
}
