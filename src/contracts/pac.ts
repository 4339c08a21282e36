/** What a PAC script is asked. Both in the form the script should see: see `router/pac-query.ts`. */
export interface PacQuery {
  readonly url: string
  readonly host: string
  /** Record the helper calls in any case; otherwise they are recorded only while the engine is not busy. */
  readonly trace?: boolean
}

/** What it answered, as it stood, and how that came about. */
export interface PacAnswer {
  readonly result: string
  /** Bounded, for `explain` and the flow log. Where the script came from, its hash and age, cached or not, milliseconds, helper calls. */
  readonly trace?: PacTrace
}

export interface PacTrace {
  readonly source: string
  /** The upstreams it was read through, where not directly. */
  readonly via?: string | undefined
  readonly sha256: string
  readonly cached: boolean
  readonly milliseconds: number
  /** Since the script was read, or found unchanged. */
  readonly ageSeconds?: number | undefined
  /** How often the evaluation stopped for names to be looked up. */
  readonly dnsRounds?: number
  readonly alerts?: readonly string[] | undefined
  /** How many helper calls and alerts there were beyond those that are shown. Absent: none. */
  readonly moreCalls?: number
  readonly moreAlerts?: number
  /** The answer as it stood, and the ways out that were read from it; the router adds them. Absent where there was no answer. */
  readonly answer?: string
  readonly understood?: readonly string[]
  readonly calls: readonly { readonly name: string; readonly args: readonly string[]; readonly answer: string }[]
}

/**
 * Evaluates one PAC script. Exchangeable without the router's knowing.
 * `find` rejects with `GatewayError` PAC_FAILED (script threw, looped, answered no string, could not be loaded);
 * what then happens is the router's affair (`onPacFailure`). With LIMIT_REACHED where it had no turn, behind others, or too little of a processor. Where `signal` is
 * aborted, with its reason; where that is PAC_FAILED, for its time is over, with one of the two, which says what it waited for.
 */
export interface PacEngine {
  find(query: PacQuery, signal: AbortSignal): Promise<PacAnswer>
  /** On reload: looks whether the script has changed, and resolves when the new one is in force or was found bad. Never rejects. */
  refresh?(): Promise<void>
  close(): Promise<void>
}
