import type { Candidate } from '../contracts/route.ts'
import { type Decision, reject } from './decision.ts'

/**
 * A proxy at port 0, as PAC block lists name it (`PROXY 127.0.0.1:0`), is one that always fails: what stands beside it has its turn, and where nothing does, nothing goes out. That is
 * what the script wants, and no failure of it: `onPacFailure` is not asked.
 */
export function leaveOutPortZero(decision: Decision): Decision {
  if (!decision.candidates.some(atPortZero)) return decision
  const { because } = decision
  const candidates = decision.candidates.filter((candidate) => !atPortZero(candidate))
  const [first] = candidates
  if (!first) {
    const detail = `${because.detail}; there is nobody at port 0, so nothing goes out`
    return { ...decision, ...reject(because.source, detail) }
  }
  return {
    ...decision,
    decision: first.hops.length === 0 ? 'direct' : 'proxy',
    candidates,
    because: { ...because, detail: `${because.detail} (what has port 0 is left out)` },
  }
}

function atPortZero({ hops }: Candidate): boolean {
  return hops.some(({ port }) => port === 0)
}
