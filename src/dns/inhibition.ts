export type NetworkingMode = 'dual-stack' | 'ipv4only' | 'ipv6only'
export type Inhibition = 'auto' | 'ipv4' | 'ipv6' | 'none'

/** Which families the host reaches anything by. */
export interface Reach {
  readonly ipv4: boolean
  readonly ipv6: boolean
}

/**
 * Families whose addresses are not given (behaviour.md §5). `auto` goes by the mode where there is one family only, and by what the host really reaches
 * where there are two; a host that reaches nothing gives all it has, for then the lookup is not what is wrong.
 */
export function droppedFamilies(
  mode: NetworkingMode,
  inhibition: Inhibition,
  reach: Reach | undefined,
): ReadonlySet<4 | 6> {
  switch (inhibition) {
    case 'none':
      return NONE
    case 'ipv4':
      return IPV4
    case 'ipv6':
      return IPV6
    case 'auto':
      if (mode === 'ipv4only') return IPV6
      if (mode === 'ipv6only') return IPV4
      if (!reach || reach.ipv4 === reach.ipv6) return NONE
      return reach.ipv4 ? IPV6 : IPV4
  }
}

/** The same for names that lead to this machine and its containers: what the host reaches says nothing of them, and what a person set holds. */
export function droppedHere(mode: NetworkingMode, inhibition: Inhibition): ReadonlySet<4 | 6> {
  return droppedFamilies(mode, inhibition, undefined)
}

const NONE: ReadonlySet<4 | 6> = new Set()
const IPV4: ReadonlySet<4 | 6> = new Set([4])
const IPV6: ReadonlySet<4 | 6> = new Set([6])
