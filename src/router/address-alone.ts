import type { Client } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { type ExcludeList, excludeListOf } from '../wire/exclude-list.ts'
import { type ContainerRule, compileContainerMatch } from './container-rules.ts'
import type { ManualPolicy } from './manual.ts'

export interface AddressAloneOptions {
  /** What decides for containers. */
  readonly policy: Required<Pick<ManualPolicy, 'http' | 'https' | 'exclude'>> & {
    readonly mode: 'manual' | 'system' | 'none'
    /** A script decides: it may look at anything. */
    readonly hasPac: boolean
  }
  readonly containerRules: readonly ContainerRule[]
  readonly access: { readonly allow: ExcludeList; readonly deny: ExcludeList }
  /** See `RouterOptions`. */
  readonly rejectDisbelieved: boolean
}

/** Whether an address that a client has dialled is decided about in the same way whatever name may be behind it. In doubt not. */
export type AddressAlone = (dialled: Target, client: Client) => boolean

/** Made of what the router is made of: once for each version of the settings. Says nothing of the way out, only that no name would change it. */
export function createAddressAlone(options: AddressAloneOptions): AddressAlone {
  const { access, rejectDisbelieved, policy } = options
  if (rejectDisbelieved || hasNames(access.allow) || hasNames(access.deny)) return () => false
  const rules = options.containerRules.map(({ match, to, use }) => ({
    matches: compileContainerMatch(match),
    reach: to && reachOf(to),
    kind: use.kind,
  }))
  const byPolicy = ofPolicy(policy)
  return (dialled, client) => {
    // Whose it is may become known before it is decided: then any of them, or none, may mean it.
    if (!client.container) return rules.every((rule) => verdictOf(rule, dialled) !== 'unsure') && byPolicy(dialled)
    for (const rule of rules) {
      const meant = rule.matches({ client, scope: 'containers' })
      if (!meant) continue
      const verdict = verdictOf(rule, dialled)
      // Refused if it is reached: only that can hang on a name.
      if (meant === 'maybe' && verdict !== 'unsure') continue
      if (verdict === 'policy') break
      if (verdict !== 'passes') return verdict === 'decides'
    }
    return byPolicy(dialled)
  }
}

interface Rule {
  readonly reach: Reach | undefined
  readonly kind: ContainerRule['use']['kind']
}

/** What a rule says of an address to whomever it means. A proxy is asked for the name, so a chain is never sure. */
function verdictOf({ reach, kind }: Rule, dialled: Target): 'decides' | 'policy' | 'passes' | 'unsure' {
  const reached = reach?.(dialled) ?? 'all'
  if (reached === 'none') return 'passes'
  if (reached === 'unsure' || kind === 'chain') return 'unsure'
  return kind === 'policy' ? 'policy' : 'decides'
}

function ofPolicy({ mode, hasPac, http, https, exclude }: AddressAloneOptions['policy']): (dialled: Target) => boolean {
  if (mode === 'none') return () => true
  if (mode === 'system' || hasPac) return () => false
  const reach = reachOf(exclude)
  const rejectsRest = http.length === 0 && https.length === 0
  return (dialled) => {
    const reached = reach(dialled)
    return reached === 'all' || (reached === 'none' && rejectsRest)
  }
}

type Reach = (dialled: Target) => 'all' | 'none' | 'unsure'

/** Whether a block of a list holds an address (`all`), or nothing of it does whatever its name and scheme are (`none`). */
function reachOf(list: ExcludeList): Reach {
  const named = hasNames(list)
  const blocks = excludeListOf(list.rules.filter(({ pattern }) => pattern.kind === 'block'))
  return (dialled) => {
    const asHttp = blocks.match(dialled, 'http')
    const asHttps = blocks.match(dialled, 'https')
    if (asHttp && asHttps) return 'all'
    return asHttp || asHttps || named ? 'unsure' : 'none'
  }
}

/** `*` counts as one: who writes it does not speak of addresses, and the log then has the names. */
function hasNames({ rules }: ExcludeList): boolean {
  return rules.some(({ pattern }) => pattern.kind !== 'block')
}
