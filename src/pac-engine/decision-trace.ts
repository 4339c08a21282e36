import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacTrace } from '../contracts/pac.ts'
import { withLateNames } from './late-names.ts'
import type { PacLimits } from './limits.ts'
import type { PacDns } from './pac-dns.ts'
import type { Notes } from './vm-outcome.ts'

const NO_CALLS: PacTrace['calls'] = []
const NOTHING = {}

interface Facts {
  readonly source: string
  readonly via: string | undefined
  readonly sha256: string
  readonly ageSeconds: number
  readonly milliseconds: number
  readonly dnsRounds: number
}

/** Of a decision made just now. */
export function traceOf(notes: Notes, facts: Facts): PacTrace {
  const calls =
    notes.calls.length === 0 ? NO_CALLS : notes.calls.map(([name, args, answer]) => ({ name, args, answer }))
  const { source, via, sha256, ageSeconds, milliseconds, dnsRounds } = facts
  return {
    source,
    via,
    sha256,
    ageSeconds,
    cached: false,
    milliseconds,
    dnsRounds,
    calls,
    alerts: notes.alerts.length > 0 ? notes.alerts : undefined,
    ...(notes.moreCalls > 0 ? { moreCalls: notes.moreCalls } : NOTHING),
    ...(notes.dropped > 0 ? { moreAlerts: notes.dropped } : NOTHING),
  }
}

/** With `hide` for what a script was told of a URL, and a word of names that were too late. */
export function shownOf(
  notes: Notes,
  hide: (text: string) => string,
  { dns, limits }: { readonly dns: Pick<PacDns, 'isLate'>; readonly limits: PacLimits },
): Notes {
  if (notes.calls.length === 0 && notes.alerts.length === 0) return notes
  const calls = withLateNames(notes, dns, limits).calls.map(
    ([name, args, answer]) => [name, args.map(hide), hide(answer)] as const,
  )
  return { ...notes, calls, alerts: notes.alerts.map(hide) }
}

/** A failure that was remembered. */
export function asRemembered(error: GatewayError): GatewayError {
  const { code, message, hint, pac } = error
  return new GatewayError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(pac ? { pac: { ...pac, cached: true } } : {}),
  })
}
