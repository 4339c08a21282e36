import type { Container } from '../contracts/containers.ts'
import type { PacTrace } from '../contracts/pac.ts'
import type { Because, HopKind, Route, RouteQuery, Router } from '../contracts/route.ts'
import type { Scheme, Scope } from '../contracts/target.ts'
import { formatAuthority, parseAuthority, targetFromUrl, type UrlTarget } from '../wire/target.ts'
import { describeChain } from './decision.ts'

/** What `fairlead explain --json` prints. A direct candidate has no hops. */
export interface Explanation {
  readonly target: { readonly host: string; readonly port: number; readonly scheme: Scheme }
  readonly scope: Scope
  /** Whose flow it would be, where a container was named. */
  readonly container?: ExplainedContainer
  readonly decision: Route['decision']
  readonly candidates: readonly { readonly hops: readonly ExplainedHop[] }[]
  readonly because: Because
  /** Of a rejection: what is to be done. */
  readonly hint?: string
  /** How the PAC script came to its answer, where one decided. */
  readonly pac?: PacTrace
}

export type ExplainedContainer = Pick<Container, 'id' | 'name' | 'image' | 'project' | 'service'>

export interface ExplainedHop {
  readonly kind: HopKind
  readonly host: string
  readonly port: number
}

/** Asks the very router that traffic asks, and leaves out what must not be printed. */
export async function explain(router: Router, query: RouteQuery, signal: AbortSignal): Promise<Explanation> {
  return explainRoute(query, await router.route({ ...query, trace: true }, signal))
}

export function explainRoute({ target, scheme, scope, client }: RouteQuery, route: Route): Explanation {
  const { decision, candidates, because, hint, pac } = route
  return {
    target: { host: target.host, port: target.port, scheme },
    scope,
    ...(client.container ? { container: explainContainer(client.container) } : {}),
    decision,
    candidates: candidates.map(({ hops }) => ({ hops: hops.map(({ kind, host, port }) => ({ kind, host, port })) })),
    because: { source: because.source, detail: because.detail },
    ...(hint === undefined ? {} : { hint }),
    ...(pac ? { pac } : {}),
  }
}

function explainContainer({ id, name, image, project, service }: Container): ExplainedContainer {
  return {
    id,
    name,
    image,
    ...(project === undefined ? {} : { project }),
    ...(service === undefined ? {} : { service }),
  }
}

/** The same for people. */
export function renderExplanation(explanation: Explanation): string {
  const { target, scope, container, decision, candidates, because, hint, pac } = explanation
  const ways = candidates.map(({ hops }, place) => `  ${place + 1}. ${describeChain(hops)}`)
  return [
    `${target.scheme} ${formatAuthority(target)} (scope ${scope}): ${decision}`,
    ...(container ? [`  for container ${container.name} of image ${container.image}`] : []),
    ...ways,
    `  because (${because.source}): ${because.detail}`,
    ...(hint === undefined ? [] : [`  try: ${hint}`]),
    ...(pac ? renderTrace(pac) : []),
  ].join('\n')
}

function renderTrace(trace: PacTrace): string[] {
  const { source, via, sha256, ageSeconds = 0, milliseconds, calls, moreCalls, alerts = [], moreAlerts } = trace
  const script = `  script: ${source}${via === undefined ? '' : ` through ${via}`}, sha256 ${sha256.slice(0, 12)}, read ${ageSeconds} s ago; ran ${milliseconds.toFixed(1)} ms`
  return [
    script,
    ...calls.map(({ name, args, answer }) => `    ${name}(${args.join(', ')}) → ${answer}`),
    ...(moreCalls
      ? [`    ${moreCalls} more calls are not shown; \`fairlead pac eval --trace\` shows the last ones`]
      : []),
    ...alerts.map((alert) => `    alert: ${alert}`),
    ...(moreAlerts ? [`    ${moreAlerts} more alerts are not shown`] : []),
  ]
}

/** What a person types: a URL, or `host:port`, whose scheme is `http` on port 80 and `https` elsewhere, as for CONNECT. */
export function parseSubject(text: string): Omit<UrlTarget, 'path'> & { readonly path?: string } {
  if (text.includes('://')) return asSent(targetFromUrl(withoutPrivateParts(text)))
  const target = parseAuthority(text)
  return { target, scheme: target.port === 80 ? 'http' : 'https' }
}

/** A request has bytes: of what is typed, those that a browser would send. */
function asSent(typed: UrlTarget): UrlTarget {
  const encoded = (text: string) => Buffer.from(text).toString('hex').toUpperCase().replace(/../g, '%$&')
  return { ...typed, path: typed.path.replace(/[^\0-\x7f]+/g, encoded) }
}

/** A URL pasted from elsewhere may have a fragment and user information. They decide nothing, and the script must not see them. */
function withoutPrivateParts(url: string): string {
  return url.replace(/#.*$/s, '').replace(/^([a-z]+:\/\/)[^/?#]*@/i, '$1')
}
