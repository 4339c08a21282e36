import type { Candidate } from '../contracts/route.ts'
import { type Decision, reject } from './decision.ts'

/** Hosts that mean "block" where a proxy is named, on any port: the reference product's and our own. */
const REJECT_NAMES: ReadonlySet<string> = new Set(['reject.docker.internal', 'reject.fairlead.internal'])

/** A reject name in the first place rejects; in a later place the list ends before it, so that no `DIRECT` behind it is ever reached. */
export function stopAtRejectName(decision: Decision): Decision {
  const place = decision.candidates.findIndex(namesReject)
  if (place < 0) return decision
  const { because, pac } = decision
  const { detail } = because
  if (place === 0) return { ...reject('reject-name', detail), ...(pac ? { pac } : {}) }
  const candidates = decision.candidates.slice(0, place)
  return {
    ...decision,
    candidates,
    because: { ...because, detail: `${detail} (the reject name ends the list)` },
  }
}

function namesReject({ hops }: Candidate): boolean {
  return hops.some((hop) => REJECT_NAMES.has(hop.host))
}
