import type { Hop, RouteQuery } from '../contracts/route.ts'
import type { ExcludeList } from '../wire/exclude-list.ts'
import { type Decision, describeChain, describeMatch, direct, reject, throughChain } from './decision.ts'

export interface ManualPolicy {
  /** The key of the settings that it stands under, for people. Default: `proxy`. */
  readonly group?: 'proxy' | 'containersProxy'
  /** Chain for `http` targets, nearest hop first. Absent or empty: not set. */
  readonly http?: readonly Hop[]
  readonly https?: readonly Hop[]
  readonly exclude: ExcludeList
}

/** Manual mode without PAC: the exclude list first, then the chain for the target's scheme. */
export function decideManually(
  { group = 'proxy', http = [], https = [], exclude }: ManualPolicy,
  query: RouteQuery,
): Decision {
  const { target, scheme, captured } = query
  const excluded = exclude.match(target, scheme)
  if (excluded) return direct('exclude', describeMatch('exclude', excluded, target.host))
  // The address is what was dialled, so entries that speak of addresses hold for it too.
  const byAddress = captured && exclude.match(captured.dialled, scheme)
  if (byAddress) return direct('exclude', describeMatch('exclude', byAddress, captured.dialled.host))
  const chain = scheme === 'http' ? http : https
  if (chain.length > 0) return throughChain(chain, 'manual', `${group}.${scheme} is ${describeChain(chain)}`)
  const other = scheme === 'http' ? 'https' : 'http'
  if (http.length > 0 || https.length > 0) {
    return direct('no-proxy-for-scheme', `only ${group}.${other} is set, and the target is ${scheme}`)
  }
  const allowed = exclude.rules.length === 0 ? 'exclude is empty too' : `no exclude entry matches ${target.host}`
  return reject(
    'manual',
    `manual mode with neither http nor https set rejects what exclude does not name, and ${allowed}`,
  )
}
