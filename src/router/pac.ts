import { GatewayError } from '../contracts/gateway-error.ts'
import type { PacAnswer, PacEngine, PacTrace } from '../contracts/pac.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { parsePacResult } from '../wire/pac-result.ts'
import { asItStands, hideInAnswer, queryHider } from '../wire/query-hider.ts'
import { quoteAnswer, quoteInput } from '../wire/quote-input.ts'
import { type Decision, describeChain, direct, reject } from './decision.ts'
import { describeNamed, type NamedProxies, type NamedProxy } from './named-proxies.ts'
import { pacQuery } from './pac-query.ts'

export interface PacPolicy {
  readonly engine: PacEngine
  /** Where the script comes from, for people: `https://wpad.corp.example/proxy.pac`, `embeddedPac`. Without secrets. */
  readonly label: string
  /** What a failed script means here; an older script that still works is the engine's affair. */
  readonly onFailure: 'block' | 'direct'
  /** What the settings know of proxies that the script may choose. Absent: nothing. */
  readonly named?: NamedProxies
}

/** Asks the script, and reads its answer into candidates. A failed script or a useless answer goes by `onFailure`. */
export async function decideByPac(policy: PacPolicy, query: RouteQuery, signal: AbortSignal): Promise<Decision> {
  const { engine, label } = policy
  const asked = pacQuery(query)
  let answer: PacAnswer
  try {
    answer = await engine.find(asked, signal)
  } catch (thrown) {
    // One that takes too long has failed like one that throws, if it was the script that did; whoever has gone, or is ended, is told nothing of policy.
    const error: unknown = signal.aborted && !isFailure(signal.reason) ? signal.reason : thrown
    if (isFailure(error)) {
      return failed(policy, error.message, error.pac, error.hint)
    }
    throw error
  }
  const { result, trace } = answer
  const { candidates: answered, skipped } = parsePacResult(result)
  const known = answered.map(({ hops: [hop] }) => hop && policy.named?.find(hop))
  const candidates = answered.map((candidate, index) => known[index]?.candidate ?? candidate)
  // A script may answer with what it was asked; who asks for a trace has typed it.
  const hide = asked.trace ? asItStands : queryHider(asked.url)
  const hidden = (text: string) => hideInAnswer(text, hide)
  const first = skipped[0] ? ` (${quoteInput(skipped[0].entry, hidden)}: ${skipped[0].reason})` : ''
  const quoted = quoteAnswer(result, hidden)
  const shown = answered.map(({ hops }) => describeChain(hops.map((hop) => ({ ...hop, host: hide(hop.host) }))))
  const understood = shown.map((way, index) => `${way}${known[index] ? describeNamed(known[index]) : ''}`)
  const pac = trace && { ...trace, answer: quoted, understood }
  if (candidates.length === 0)
    return failed(policy, `PAC ${label} answered ${quoted}, which names no way out${first}`, pac)
  const note = skipped.length > 0 ? `, of which ${skipped.length} made no sense${first}` : ''
  const detail = `PAC ${label} answered ${quoted}${note}${describeAll(shown, known)}`
  const decision = candidates[0]!.hops.length === 0 ? 'direct' : 'proxy'
  return { decision, candidates, because: { source: 'pac', detail }, ...(pac ? { pac } : {}) }
}

function isFailure(error: unknown): error is GatewayError {
  return error instanceof GatewayError && error.code === 'PAC_FAILED'
}

/** `; http://proxy.corp.example:8080 with the credentials of upstreams.corp`, for each proxy once. */
function describeAll(shown: readonly string[], known: readonly (NamedProxy | undefined)[]): string {
  const said = new Set(known.flatMap((named, index) => (named ? [`; ${shown[index]}${describeNamed(named)}`] : [])))
  return [...said].join('')
}

function failed({ onFailure }: PacPolicy, what: string, pac: PacTrace | undefined, hint?: string): Decision {
  const decision =
    onFailure === 'direct'
      ? direct('pac-failure', `${what}; onPacFailure is direct`)
      : {
          ...reject('pac-failure', `${what}; nothing goes out until it works again (onPacFailure)`),
          ...(hint === undefined ? {} : { hint }),
        }
  return pac ? { ...decision, pac } : decision
}
