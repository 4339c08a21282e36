import type { Container } from '../contracts/containers.ts'
import type { Hop, RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import type { ExcludeList } from '../wire/exclude-list.ts'
import { compileGlob } from '../wire/glob.ts'
import { quoteInput } from '../wire/quote-input.ts'
import { type Decision, describeChain, direct, reject, throughChain } from './decision.ts'
import { imageNames } from './image-names.ts'

/** Which containers a rule is for. Every key that is given must match; of a list, one of its patterns, but of `label` all. `*` is any text. */
export interface ContainerMatch {
  readonly container?: readonly string[]
  /** As it was asked for, in every way of writing it, with or without its tag and digest: `nginx` is also `docker.io/library/nginx:alpine`. */
  readonly image?: readonly string[]
  readonly project?: readonly string[]
  readonly service?: readonly string[]
  readonly network?: readonly string[]
  /** `key`, or `key=value`. */
  readonly label?: readonly string[]
  /** False: clients of scope `containers` that are no container the engine knows; image pulls are among them. */
  readonly known?: boolean
}

export interface ContainerRule {
  readonly match: ContainerMatch
  /** Only for these destinations. Absent: for all. */
  readonly to?: ExcludeList
  readonly use: ContainerRuleUse
}

export type ContainerRuleUse =
  | { readonly kind: 'direct' | 'reject' | 'policy' }
  | { readonly kind: 'chain'; readonly hops: readonly Hop[] }

/**
 * The first rule that matches decides; undefined where none does, or where it says that the policy of the scope shall. `host`: the query goes to the
 * host itself, which is called all of these. Nothing leaves there, so rules refuse only where they say `use: reject`.
 */
export type ContainerRules = (query: RouteQuery, host?: readonly Target[]) => Decision | undefined

/**
 * Patterns are compiled once for each generation of the settings. `isUncertain`: whether an address is one that only a container should have, and nobody
 * can tell now which. A rule that may be meant opens nothing: one with `use: direct` then counts as not meant, and any other refuses; towards the host
 * all count as not meant but those with `use: reject`.
 */
export function compileContainerRules(
  rules: readonly ContainerRule[],
  isUncertain: (address: string) => boolean = () => false,
): ContainerRules {
  const compiled = rules.map((rule) => ({ ...rule, matches: compileContainerMatch(rule.match) }))
  return (query, host) => {
    const { container, address } = query.client
    const isNobodyKnown = !container && address !== undefined && isUncertain(address)
    for (const [index, { matches, match, to, use }] of compiled.entries()) {
      const meant = isNobodyKnown ? mayMean(match, query) && 'maybe' : matches(query)
      if (!meant || (meant === 'maybe' && (host ? use.kind !== 'reject' : use.kind === 'direct'))) continue
      const reached = to && reachedBy(to, query, host)
      if (to && !reached) continue
      const where = reached ? `, and to ${quoteInput(reached.entry)} ${reached.host}` : ''
      if (meant === 'maybe') {
        const why = container
          ? container.untoldImage
            ? 'of which the engine has not said which image it was made from'
            : 'of which labels are too long or too many to be read'
          : `an address of the engine’s networks; which container has it the engine does not say now`
        const whom = container ? describeClient(query) : address
        const rule = `containerRules[${index}] (${describeContainerMatch(match)}) may mean ${whom}, ${why}${where}`
        return reject('container-rule', `${rule}: reject`)
      }
      const rule = `containerRules[${index}] (${describeContainerMatch(match)}) matches ${describeClient(query)}${where}`
      switch (use.kind) {
        case 'policy':
          return undefined
        case 'direct':
          return direct('container-rule', `${rule}: direct`)
        case 'reject':
          return reject('container-rule', `${rule}: reject`)
        case 'chain':
          return throughChain(use.hops, 'container-rule', `${rule}: ${describeChain(use.hops)}`)
      }
    }
    return undefined
  }
}

/** The address is what was dialled, so entries that speak of addresses hold for it too, also when a name is known. */
function reachedBy(
  to: ExcludeList,
  { target, scheme, captured }: RouteQuery,
  host: readonly Target[] = [],
): { entry: string; host: string } | undefined {
  for (const asked of [target, ...(captured ? [captured.dialled] : []), ...host]) {
    const match = to.match(asked, scheme)
    if (match) return { entry: match.entry, host: asked.host }
  }
  return undefined
}

/** `project shop|blog, service db*, label a, label b`: of labels it must have all. */
export function describeContainerMatch({ label = [], ...match }: ContainerMatch): string {
  const anyOf = Object.entries(match).map(
    ([key, value]) => `${key} ${Array.isArray(value) ? value.join('|') : String(value)}`,
  )
  return [...anyOf, ...label.map((one) => `label ${one}`)].join(', ')
}

function describeClient({ client: { container, address } }: RouteQuery): string {
  if (!container) return `${address ?? 'a client'}, which is no container the engine knows`
  const service = container.service ? `, service ${container.service} of ${container.project ?? '?'}` : ''
  return `container ${container.name}${service}`
}

/** Whether it means a client, once and for all of its flows; `maybe` where that hangs on a label or an image that could not be read. */
export function compileContainerMatch(
  match: ContainerMatch,
): (query: Pick<RouteQuery, 'client' | 'scope'>) => boolean | 'maybe' {
  const { known, label = [] } = match
  const tests: ((container: Container) => boolean)[] = []
  const any = (patterns: readonly string[] | undefined, texts: (container: Container) => readonly string[]) => {
    if (!patterns) return
    const globs = patterns.map(compileGlob)
    tests.push((container) => texts(container).some((text) => globs.some((glob) => glob(text))))
  }
  any(match.container, ({ name }) => [name])
  any(match.project, ({ project }) => present(project))
  any(match.service, ({ service }) => present(service))
  any(match.network, ({ endpoints }) => endpoints.map(({ network }) => network))
  const uncertain = [...(match.image ? [compileImage(match.image)] : []), ...label.map(compileLabel)]
  return ({ client: { container }, scope }) => {
    if (!container) return known === false && mayMean(match, { scope })
    if (known === false || !tests.every((test) => test(container))) return false
    const meant = uncertain.map((test) => test(container))
    return !meant.includes(false) && (meant.includes('maybe') ? 'maybe' : true)
  }
}

/** Whether it could mean a client of whom nothing is known: any container that it names, or, at a door for containers, one that is none. */
function mayMean({ known, ...named }: ContainerMatch, { scope }: Pick<RouteQuery, 'scope'>): boolean {
  if (known !== false) return true
  return (
    scope === 'containers' && Object.values(named).every((patterns) => patterns === undefined || patterns.length === 0)
  )
}

function present(text: string | undefined): string[] {
  return text === undefined ? [] : [text]
}

function compileImage(patterns: readonly string[]): (container: Container) => boolean | 'maybe' {
  const globs = patterns.map(compileGlob)
  return ({ image, untoldImage }) => {
    if (untoldImage) return 'maybe'
    return imageNames(image).some((name) => globs.some((glob) => glob(name)))
  }
}

function compileLabel(pattern: string): (container: Container) => boolean | 'maybe' {
  const equals = pattern.indexOf('=')
  const key = compileGlob(equals < 0 ? pattern : pattern.slice(0, equals))
  const value = equals < 0 ? () => true : compileGlob(pattern.slice(equals + 1))
  return ({ labels, unreadLabels = [] }) => {
    if (Object.entries(labels).some(([name, text]) => key(name) && value(text))) return true
    if (unreadLabels === 'any') return 'maybe'
    return unreadLabels.some(key) && (equals < 0 || 'maybe')
  }
}
