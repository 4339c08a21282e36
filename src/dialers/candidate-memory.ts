import type { Clock } from '../contracts/clock.ts'
import type { Candidate } from '../contracts/route.ts'
import { formatAuthority } from '../wire/target.ts'

/** Remembered at once. Far more than any settings or PAC file names; bounds what a PAC that makes up proxy names can cost. */
const MEMORY_LIMIT = 1024

/** Which candidates lately failed by their own fault. Kept per settings generation: after a reload everything has a fresh chance. */
export interface CandidateMemory {
  /** The candidates in the order to try: known bad ones last, so that they are still tried when nothing else is left. */
  order(candidates: readonly Candidate[], generation: number): readonly Candidate[]
  remember(candidate: Candidate, generation: number): void
  forget(candidate: Candidate, generation: number): void
  forgetAll(): void
}

export function createCandidateMemory(clock: Clock, memoryMs: number): CandidateMemory {
  /** Key → until when, by the monotonic clock. A Map keeps the order of insertion. */
  const badUntil = new Map<string, number>()
  let newest = 0

  const enter = (generation: number): void => {
    if (generation <= newest) return
    newest = generation
    badUntil.clear()
  }

  return {
    order(candidates, generation) {
      enter(generation)
      if (badUntil.size === 0 || candidates.length === 1) return candidates
      const now = clock.monotonic()
      const isBad = (candidate: Candidate): boolean => (badUntil.get(keyOf(candidate, generation)) ?? 0) > now
      return [...candidates.filter((candidate) => !isBad(candidate)), ...candidates.filter(isBad)]
    },
    remember(candidate, generation) {
      enter(generation)
      // A flow that was decided under old settings says nothing about the new ones, though the proxy may be called the same.
      if (generation < newest) return
      const key = keyOf(candidate, generation)
      badUntil.delete(key)
      if (badUntil.size >= MEMORY_LIMIT) badUntil.delete(badUntil.keys().next().value!)
      badUntil.set(key, clock.monotonic() + memoryMs)
    },
    forget(candidate, generation) {
      if (badUntil.size > 0) badUntil.delete(keyOf(candidate, generation))
    },
    forgetAll: () => badUntil.clear(),
  }
}

/** Where the candidate leads, without credentials: a proxy that is down is down for every user. */
function keyOf(candidate: Candidate, generation: number): string {
  return `${generation} ${candidate.hops.map((hop) => `${hop.kind}://${formatAuthority(hop)}`).join(' ')}`
}
