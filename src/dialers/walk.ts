import type { Clock } from '../contracts/clock.ts'
import type { CandidateWalk, FailedAttempt, PassedOver } from '../contracts/dialer.ts'
import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import type { Candidate, Route } from '../contracts/route.ts'
import { createCandidateMemory } from './candidate-memory.ts'
import { judgeFailure } from './fallback.ts'
import { abortReason, copyError, describeHop } from './hop-error.ts'
import { rejection } from './rejection.ts'

export interface WalkOptions {
  readonly clock: Clock
  /** For all candidates together, ms. */
  readonly dialDeadlineMs?: number
  /** For one candidate while others are left, ms. */
  readonly attemptMs?: number
  /** For how long a candidate that failed is tried last, ms. */
  readonly failureMemoryMs?: number
}

/** What curl, Docker and browsers wait at least before they give up themselves; the client should hear our reason first. */
export const DIAL_DEADLINE_MS = 30_000
/** A SYN is sent again after 1, 3 and 7 s: ten seconds forgive three lost packets. */
export const ATTEMPT_MS = 10_000
/** Chromium's is 5 minutes, and a laptop that joins its VPN then suffers for 5 minutes. Half a minute spares a busy host nearly as much. */
export const FAILURE_MEMORY_MS = 30_000
/** Of the deadline, for who comes with less left of it: a deadline of a second may be over before we were asked. */
const LEAST_PART = 1 / 2
/** A PAC file can name any number of candidates; nobody waits for more than these. */
const CANDIDATE_LIMIT = 16
const NONE: readonly PassedOver[] = []

/** Candidates in order, one absolute deadline, a fair share of it for each, and a short memory for those that are down. */
export function createCandidateWalk(options: WalkOptions): CandidateWalk {
  const {
    clock,
    dialDeadlineMs = DIAL_DEADLINE_MS,
    attemptMs = ATTEMPT_MS,
    failureMemoryMs = FAILURE_MEMORY_MS,
  } = options
  const memory = createCandidateMemory(clock, failureMemoryMs)

  /** Those that stand before the one that came about and were not tried: they failed for somebody else. */
  const passedOverFor = (taken: Candidate, { candidates, generation }: Route, failed: readonly FailedAttempt[]) => {
    const isOther = (candidate: Candidate) => !failed.some((attempt) => attempt.candidate === candidate)
    return memory.bad(candidates.slice(0, candidates.indexOf(taken)).filter(isOther), generation)
  }

  return {
    forgetFailures: () => memory.forgetAll(),
    passedOver: () => memory.allBad(),
    async walk(route, signal, attempt, since = clock.monotonic()) {
      if (route.decision === 'reject') throw rejection(route)
      const candidates = memory.order(route.candidates, route.generation).slice(0, CANDIDATE_LIMIT)
      const now = clock.monotonic()
      const deadline = Math.max(since + dialDeadlineMs, now + dialDeadlineMs * LEAST_PART)
      const failed: FailedAttempt[] = []
      const bad: FailedAttempt[] = []

      for (const [index, candidate] of candidates.entries()) {
        const left = candidates.length - index
        const remaining = deadline - clock.monotonic()
        if (remaining <= 0) break
        // The last one has all that is left; the others leave a fair share to those behind them.
        const share = left === 1 ? remaining : Math.min(attemptMs, remaining / left)
        try {
          const value = await within(share, candidate, clock, signal, attempt)
          const passedOver = candidates.length > 1 ? passedOverFor(candidate, route, failed) : NONE
          memory.forget(candidate, route.generation)
          // Only now: when everything fails it is the network, and nobody is to be remembered for it.
          for (const one of bad) memory.remember(one, route.generation)
          return { value, candidate, failed, passedOver }
        } catch (thrown) {
          if (signal.aborted) throw abortReason(signal, (reason) => reason)
          const error = toGatewayError(thrown)
          const attempted = { candidate, error }
          failed.push(attempted)
          const verdict = judgeFailure(error, candidate)
          if (!verdict.fallsOver) break
          if (verdict.remembered) bad.push(attempted)
        }
      }
      throw allFailed(failed)
    },
  }
}

/** One attempt with a limit of its own, which also ends when `outer` does. */
async function within<T>(
  ms: number,
  candidate: Candidate,
  clock: Clock,
  outer: AbortSignal,
  attempt: (candidate: Candidate, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (outer.aborted) throw outer.reason
  // By hand and not by AbortSignal.any: this is on the path of every flow, and that costs ten times as much.
  const controller = new AbortController()
  const passOn = (): void => controller.abort(outer.reason)
  outer.addEventListener('abort', passOn)
  const cancel = clock.after(ms, () => controller.abort(outOfTime(candidate, ms)))
  try {
    return await attempt(candidate, controller.signal)
  } finally {
    cancel()
    outer.removeEventListener('abort', passOn)
  }
}

/** Without a hop: the dialer that was at work when it came knows which, and says so (`abortReason`). */
function outOfTime(candidate: Candidate, ms: number): GatewayError {
  const way =
    candidate.hops.length === 0 ? 'the direct connection' : `the way through ${describeHop(candidate.hops[0]!)}`
  return new GatewayError('CONNECT_TIMEOUT', `${way} did not come about within ${(ms / 1000).toFixed(1)} s`)
}

/** The last failure speaks, since what came before it was passed over; all of them are attached. */
function allFailed(failed: readonly FailedAttempt[]): GatewayError {
  const last = failed.at(-1)
  if (last === undefined) {
    return new GatewayError('INTERNAL', 'the route has no way out', { hint: 'This is a fault of Fairlead.' })
  }
  const before =
    failed.length === 1 ? '' : ` (${failed.length - 1} other ${failed.length === 2 ? 'way' : 'ways'} failed before)`
  return copyError(last.error, { message: `${last.error.message}${before}`, attempts: failed })
}
