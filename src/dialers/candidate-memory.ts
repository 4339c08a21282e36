import type { Clock } from '../contracts/clock.ts'
import type { FailedAttempt, PassedOver } from '../contracts/dialer.ts'
import type { Candidate } from '../contracts/route.ts'
import { formatAuthority } from '../wire/target.ts'

/** Remembered at once. Far more than any settings or PAC file names; bounds what a PAC that makes up proxy names can cost. */
const MEMORY_LIMIT = 1024

/** Which candidates lately failed by their own fault. Kept per settings generation: after a reload everything has a fresh chance. */
export interface CandidateMemory {
  /** The candidates in the order to try: known bad ones last, so that they are still tried when nothing else is left. */
  order(candidates: readonly Candidate[], generation: number): readonly Candidate[]
  remember(failed: FailedAttempt, generation: number): void
  /** Those among the candidates that are known to be bad. */
  bad(candidates: readonly Candidate[], generation: number): readonly PassedOver[]
  allBad(): readonly PassedOver[]
  forget(candidate: Candidate, generation: number): void
  forgetAll(): void
}

interface Known extends FailedAttempt {
  /** Monotonic milliseconds. */
  readonly until: number
}

export function createCandidateMemory(clock: Clock, memoryMs: number): CandidateMemory {
  /** By key. A Map keeps the order of insertion. */
  const known = new Map<string, Known>()
  let newest = 0

  const enter = (generation: number): void => {
    if (generation <= newest) return
    newest = generation
    known.clear()
  }

  const stillBad = (found: readonly Known[]): PassedOver[] => {
    const now = clock.monotonic()
    return found.flatMap(({ until, ...failed }) => (until > now ? { ...failed, forMs: until - now } : []))
  }

  return {
    order(candidates, generation) {
      enter(generation)
      if (known.size === 0 || candidates.length === 1) return candidates
      const now = clock.monotonic()
      const isBad = (candidate: Candidate): boolean => (known.get(keyOf(candidate, generation))?.until ?? 0) > now
      return [...candidates.filter((candidate) => !isBad(candidate)), ...candidates.filter(isBad)]
    },
    bad(candidates, generation) {
      if (known.size === 0) return []
      return stillBad(candidates.flatMap((candidate) => known.get(keyOf(candidate, generation)) ?? []))
    },
    allBad: () => stillBad([...known.values()]),
    remember(failed, generation) {
      enter(generation)
      // A flow that was decided under old settings says nothing about the new ones, though the proxy may be called the same.
      if (generation < newest) return
      const key = keyOf(failed.candidate, generation)
      known.delete(key)
      if (known.size >= MEMORY_LIMIT) known.delete(known.keys().next().value!)
      known.set(key, { ...failed, until: clock.monotonic() + memoryMs })
    },
    forget(candidate, generation) {
      if (known.size > 0) known.delete(keyOf(candidate, generation))
    },
    forgetAll: () => known.clear(),
  }
}

/** Where the candidate leads, without credentials: a proxy that is down is down for every user. */
function keyOf(candidate: Candidate, generation: number): string {
  return `${generation} ${candidate.hops.map((hop) => `${hop.kind}://${formatAuthority(hop)}`).join(' ')}`
}
