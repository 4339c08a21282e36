/** What a PAC script is asked. Both in the form the script should see: see `router/pac-query.ts`. */
export interface PacQuery {
  readonly url: string
  readonly host: string
}

/** What it answered, as it stood, and how that came about. */
export interface PacAnswer {
  readonly result: string
  /** Bounded, for `explain` and the flow log. Where the script came from, its hash and age, cached or not, milliseconds, helper calls. */
  readonly trace?: PacTrace
}

export interface PacTrace {
  readonly source: string
  readonly sha256: string
  readonly cached: boolean
  readonly milliseconds: number
  readonly calls: readonly { readonly name: string; readonly args: readonly string[]; readonly answer: string }[]
}

/**
 * Evaluates one PAC script. Exchangeable without the router's knowing.
 * `find` rejects with `GatewayError` PAC_FAILED (script threw, looped, answered no string, could not be loaded);
 * what then happens is the router's affair (`onPacFailure`).
 */
export interface PacEngine {
  find(query: PacQuery, signal: AbortSignal): Promise<PacAnswer>
  close(): Promise<void>
}
