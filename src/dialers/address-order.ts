import type { ResolvedAddress } from '../contracts/resolver.ts'

/** Addresses of one name that are dialled. More than a handful means a broken or hostile answer; a dial should not become a scan. */
export const ADDRESS_LIMIT = 16

/**
 * RFC 8305 §4: families take turns, beginning with the one the system put first (getaddrinfo sorts by RFC 6724); within a family
 * the system's order is kept. "First Address Family Count" is 1. Repeats are dropped.
 */
export function orderAddresses(resolved: readonly ResolvedAddress[]): readonly ResolvedAddress[] {
  if (resolved.length <= 1) return resolved
  const unique = [...new Map(resolved.map((entry) => [entry.address, entry])).values()]
  const preferred = unique.filter((entry) => entry.family === unique[0]!.family)
  const other = unique.filter((entry) => entry.family !== unique[0]!.family)
  const ordered: ResolvedAddress[] = []
  for (let index = 0; index < Math.max(preferred.length, other.length); index++) {
    for (const entry of [preferred[index], other[index]]) if (entry) ordered.push(entry)
  }
  return ordered.slice(0, ADDRESS_LIMIT)
}
