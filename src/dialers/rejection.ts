import { type ErrorCode, GatewayError } from '../contracts/gateway-error.ts'
import type { Because, Route } from '../contracts/route.ts'

/** What a client is told whose route leads nowhere. */
export function rejection({ because: { source, detail }, hint: known }: Pick<Route, 'because' | 'hint'>): GatewayError {
  const { code, hint } = MEANINGS[source] ?? POLICY
  return new GatewayError(code, detail, { hint: known ?? hint })
}

interface Meaning {
  readonly code: ErrorCode
  readonly hint: string
}

const POLICY: Meaning = {
  code: 'POLICY_REJECTED',
  hint: "The gateway's settings or PAC file forbid this target; `fairlead explain` shows the rule.",
}

const MEANINGS: Partial<Record<Because['source'], Meaning>> = {
  access: {
    code: 'ACCESS_DENIED',
    hint: 'If this is wanted, whoever runs the gateway can allow it under access.allow, unless access.deny names it.',
  },
  'special-name': {
    code: 'ACCESS_DENIED',
    hint: 'If this is wanted, whoever runs the gateway can name the port in dns.hostPorts.',
  },
  'own-network': { code: 'HOST_UNREACHABLE', hint: 'Start it; `docker ps -a` lists those that have ended.' },
  loop: { code: 'LOOP_DETECTED', hint: 'Ask for the real target, not for the address of the gateway.' },
  'own-hop': {
    code: 'LOOP_DETECTED',
    hint: 'Let this proxy out directly: a rule in containerRules, such as { match: { container: NAME }, use: direct }, says so.',
  },
  'pac-failure': {
    code: 'PAC_FAILED',
    hint: 'Repair the PAC file, or set onPacFailure to what shall happen meanwhile.',
  },
}
