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
    // Whose it is may become known before it is decided.
    if (rules.length > 0 && !client.container) return false
    for (const { matches, reach, kind } of rules) {
      if (!matches({ client, scope: 'containers' })) continue
      const reached = reach?.(dialled) ?? 'all'
      if (reached === 'unsure') return false
      if (reached === 'none') continue
      // A proxy is asked for the name.
      if (kind === 'chain') return false
      return kind !== 'policy' || byPolicy(dialled)
    }
    return byPolicy(dialled)
  }
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

/** Whether a block of a list holds an address (`all`), or nothing of it does whatever its name and scheme are (`none`). */
function reachOf(list: ExcludeList): (dialled: Target) => 'all' | 'none' | 'unsure' {
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
