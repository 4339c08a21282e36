import type { GatewayError } from '../contracts/gateway-error.ts'
import type { Candidate } from '../contracts/route.ts'

export interface Verdict {
  /** Whether the next candidate may be tried. */
  readonly fallsOver: boolean
  /** Whether the candidate itself is at fault, so that other flows had better try it last. */
  readonly remembered: boolean
}

const FINAL: Verdict = { fallsOver: false, remembered: false }
const NEXT: Verdict = { fallsOver: true, remembered: false }
const NEXT_AND_REMEMBER: Verdict = { fallsOver: true, remembered: true }

/**
 * What a failed attempt means for the other candidates. docs/decisions/0004 has the reasons: as in Chromium, a way that did not come
 * about gives place to the next one, but what a working proxy answers about the target is the answer.
 */
export function judgeFailure(error: GatewayError, candidate: Candidate): Verdict {
  switch (error.code) {
    case 'RESOLVE_FAILED':
    case 'CONNECT_REFUSED':
    case 'HOST_UNREACHABLE':
    case 'NETWORK_UNREACHABLE':
    case 'CONNECT_TIMEOUT':
    case 'CONNECT_RESET':
    case 'CONNECT_FAILED':
    case 'PROXY_REFUSED':
      if (isAnswerAboutTarget(error, candidate)) return FINAL
      // A failure to reach the target itself says nothing about the way: direct, or a name resolved here for a proxy.
      return candidate.hops.length === 0 || error.hop?.kind === 'target' ? NEXT : NEXT_AND_REMEMBER
    case 'TLS_FAILED':
    case 'PROXY_PROTOCOL_ERROR':
      return NEXT_AND_REMEMBER
    case 'ADDRESS_TYPE_NOT_SUPPORTED':
      return isAnswerAboutTarget(error, candidate) ? FINAL : NEXT
    // The silence may be the target's; and a loop is a matter of who asks.
    case 'UPSTREAM_TIMEOUT':
    case 'LOOP_DETECTED':
      return NEXT
    // A proxy that wants to know who we are must not be walked round; all others are about this flow or this process.
    default:
      return FINAL
  }
}

/** The last hop took the request and said no. What an earlier hop says is about the next hop: part of the way. */
function isAnswerAboutTarget(error: GatewayError, candidate: Candidate): boolean {
  const last = candidate.hops.at(-1)
  if (error.said === undefined || error.hop === undefined || last === undefined) return false
  return error.hop.kind === last.kind && error.hop.host === last.host && error.hop.port === last.port
}
