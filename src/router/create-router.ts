import type { Route, RouteQuery, Router } from '../contracts/route.ts'
import type { Access } from './access.ts'
import type { ContainerRules } from './container-rules.ts'
import { type Decision, direct, reject } from './decision.ts'
import { decideByEnvironment, type EnvironmentProxies } from './environment.ts'
import { decideManually, type ManualPolicy } from './manual.ts'
import { stopAtOwnHop } from './own-hop.ts'
import { decideByPac, type PacPolicy } from './pac.ts'
import { leaveOutPortZero } from './port-zero.ts'
import { stopAtRejectName } from './reject-names.ts'
import type { SpecialAddresses } from './special-addresses.ts'

/** What decides for one scope: `proxy` or `containersProxy`, with names resolved and texts parsed. */
export interface Policy extends ManualPolicy {
  readonly mode: 'manual' | 'system' | 'none'
  /** Manual mode only; beats everything else in the policy. */
  readonly pac?: PacPolicy
  /** System mode only. */
  readonly environment?: EnvironmentProxies
}

export interface RouterOptions {
  readonly host: Policy
  /** Absent: the host's policy decides for containers too. */
  readonly containers?: Policy
  /** Before the policy of the scope. Absent: none. */
  readonly containerRules?: ContainerRules
  readonly access: Access
  /** What containers call the host and the gateway; before everything but access, and the rules that refuse a container. */
  readonly special?: SpecialAddresses
  /** Captured connections whose name does not lead to the dialled address are refused (`capture.trust: reject`). */
  readonly rejectDisbelieved?: boolean
  /** Counts up with each reload of the settings. */
  readonly generation: number
}

/** One router for each generation of the settings. Traffic and `explain` ask the same object. */
export function createRouter(options: RouterOptions): Router {
  const { host, containers = host, containerRules, access, generation, special, rejectDisbelieved = false } = options
  return {
    async route(query, signal): Promise<Route> {
      signal.throwIfAborted()
      const refused = access.judgeTarget(query)
      if (refused) return { decision: 'reject', candidates: [], because: refused, generation }
      const toSpecial = special?.decide(query)
      if (toSpecial) {
        const ruled = toSpecial.decision === 'reject' ? undefined : containerRules?.(query, special?.hostTargets(query))
        if (ruled?.decision === 'reject') return { ...ruled, generation }
        return { ...withoutRefused(toSpecial, special?.dialled(query) ?? [], query, access), generation }
      }
      if (rejectDisbelieved && query.captured?.disbelieved !== undefined) {
        return { ...mismatch(query.captured.disbelieved, query.captured.dialled.host), generation }
      }
      const policy = query.scope === 'containers' ? containers : host
      const decision = stopAtRejectName(containerRules?.(query) ?? (await decide(policy, query, signal)))
      return { ...stopAtOwnHop(leaveOutPortZero(decision), query), generation }
    },
  }
}

/** Where the host's own name leads to addresses that may not be dialled, such as a port of the gateway itself, the reason is told here already. */
function withoutRefused(decision: Decision, addresses: readonly string[], query: RouteQuery, access: Access): Decision {
  const { port } = query.target
  const refusals = addresses.flatMap((address) => access.judgeAddress(address, port, query) ?? [])
  const [first] = refusals
  if (!first) return decision
  if (refusals.length === addresses.length)
    return reject(first.code === 'LOOP_DETECTED' ? 'loop' : 'access', first.message)
  const { because } = decision
  return { ...decision, because: { ...because, detail: `${because.detail}, of which is left out: ${first.message}` } }
}

function mismatch(name: string, address: string): Decision {
  return reject('name-mismatch', `the client speaks of ${name}, which does not lead to ${address} (capture.trust)`)
}

async function decide(policy: Policy, query: RouteQuery, signal: AbortSignal): Promise<Decision> {
  switch (policy.mode) {
    case 'none':
      return direct('mode-none', 'mode is none: everything goes direct')
    case 'system':
      if (!policy.environment) return reject('environment', 'mode is system, but the environment was not read')
      return decideByEnvironment(policy.environment, query)
    case 'manual':
      return policy.pac ? decideByPac(policy.pac, query, signal) : decideManually(policy, query)
  }
}
