import type { Because, Hop, Route } from '../contracts/route.ts'
import type { ExcludeMatch } from '../wire/exclude-list.ts'
import { quoteInput } from '../wire/quote-input.ts'
import { describeHop } from '../wire/upstream-url.ts'

/** A route before it is stamped with the generation of the settings. */
export type Decision = Omit<Route, 'generation'>

export function direct(source: Because['source'], detail: string, addresses?: readonly string[]): Decision {
  const candidate = { hops: [], ...(addresses ? { addresses } : {}) }
  return { decision: 'direct', candidates: [candidate], because: { source, detail } }
}

export function reject(source: Because['source'], detail: string): Decision {
  return { decision: 'reject', candidates: [], because: { source, detail } }
}

export function throughChain(hops: readonly Hop[], source: Because['source'], detail: string): Decision {
  return { decision: 'proxy', candidates: [{ hops }], because: { source, detail } }
}

/** `http://edge.example:8080, then socks5://inner.example:1080`. */
export function describeChain(hops: readonly Pick<Hop, 'kind' | 'host' | 'port'>[]): string {
  return hops.length === 0 ? 'direct' : hops.map(describeHop).join(', then ')
}

/** `exclude entry "*.corp.example" (3rd) matches registry.corp.example`. */
export function describeMatch(list: string, match: ExcludeMatch, host: string): string {
  return `${list} entry ${quoteInput(match.entry)} (${ordinal(match.index + 1)}) matches ${host}`
}

function ordinal(count: number): string {
  const isTeen = count % 100 >= 11 && count % 100 <= 13
  const ending = isTeen ? 'th' : (['th', 'st', 'nd', 'rd'][count % 10] ?? 'th')
  return `${count}${ending}`
}
