/** One helper call: name, arguments, answer, all as text. */
export type TracedCall = readonly [name: string, args: readonly string[], answer: string]

/** A name and its addresses joined with `;`; null: does not resolve; absent: no longer known. The own addresses stand under ''. */
export type DnsEntry = readonly [name: string, addresses: string | null] | readonly [name: string]

/** What an evaluation saw and said besides its answer. */
export interface Notes {
  /** Names whose answers it was given; '' for the own addresses. */
  readonly used: readonly string[]
  readonly calls: readonly TracedCall[]
  /** Calls beyond the limit, left out behind the first `tracedCalls`. */
  readonly moreCalls: number
  readonly alerts: readonly string[]
  /** Alerts beyond the limit. */
  readonly dropped: number
  /** It asked for a random number. */
  readonly random: boolean
  /** What the clock said when it first read it, in ms since the epoch; undefined: it did not. */
  readonly clock: number | undefined
}

/** `turn`: it had none, for which it is not to blame. */
export type FailureKind = 'threw' | 'not-a-string' | 'too-long' | 'not-ascii' | 'time' | 'turn' | 'memory' | 'crashed'

export interface Failure {
  readonly kind: FailureKind
  readonly message: string
  /** Of `time`: others had so much of it that it is not to blame for that either. */
  readonly starved?: boolean
  /** What the script answered, as much of it as is shown: where it is no answer. */
  readonly answer?: string
  readonly line?: number
  /** Left out where it is not known. */
  readonly column?: number
}

/** How one evaluation, or the loading of a script, came out. `missing`: look these names up and start again. `loading`: it was the script's global code, before it was asked anything. */
export type VmOutcome =
  | { readonly is: 'answer'; readonly answer: string; readonly notes: Notes; readonly ms: number }
  | {
      readonly is: 'missing'
      readonly names: readonly string[]
      /** Those whose answers it was given before. */
      readonly used: readonly string[]
      readonly loading?: boolean
    }
  | { readonly is: 'failed'; readonly failure: Failure; readonly notes: Notes; readonly loading?: boolean }

/** How a row of queries came out: all of them, or the one that broke the VM; of those before it nothing is known then, those behind were not run. */
export type RowOutcome =
  /** Nothing but answers, each behind a `=`, with `\n` between them. */
  | { readonly is: 'answers'; readonly text: string }
  /** Fewer than there were queries, where the rest are to be run after what the last one left to its promises, or in a VM that has been put back. */
  | { readonly is: 'mixed'; readonly outcomes: readonly VmOutcome[] }
  | { readonly is: 'broken'; readonly at: number; readonly outcome: VmOutcome }

export const NO_NOTES: Notes = {
  used: [],
  calls: [],
  moreCalls: 0,
  alerts: [],
  dropped: 0,
  random: false,
  clock: undefined,
}
