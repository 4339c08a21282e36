import type { PacLimits } from './limits.ts'
import type { PacDns } from './pac-dns.ts'
import type { Notes, TracedCall } from './vm-outcome.ts'

const RESOLVING: readonly string[] = ['dnsResolve', 'dnsResolveEx']

/** With a word where a name does not resolve because no answer came in time: to the script, and in a trace, it looks like one that does not exist. */
export function withLateNames(notes: Notes, dns: Pick<PacDns, 'isLate'>, { dnsNameMs }: PacLimits): Notes {
  const told = ([name, [host = ''], answer]: TracedCall) =>
    RESOLVING.includes(name) && (answer === 'null' || answer === '') && dns.isLate(host)
  if (!notes.calls.some(told)) return notes
  const why = `(no answer within ${dnsNameMs / 1000} s)`
  const calls = notes.calls.map((call): TracedCall => {
    const [name, args, answer] = call
    return told(call) ? [name, args, `${answer} ${why}`.trimStart()] : call
  })
  return { ...notes, calls }
}
