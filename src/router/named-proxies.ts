import type { Candidate, Hop } from '../contracts/route.ts'
import { describeHop } from '../wire/upstream-url.ts'

/** A proxy that the settings have an entry for, as that entry has it. */
export interface NamedProxy {
  /** Of the entry under `upstreams`. */
  readonly name: string
  /** The same object each time: dialers and idle connections are kept by it. */
  readonly candidate: Candidate
  readonly hasCredentials: boolean
}

/**
 * What a PAC answer cannot say of a proxy, from the entry of `upstreams` for it: user name and password, `?dns=local`. A script says only where a
 * proxy is. So nothing but the very kind, host and port that the settings' author wrote them for gets them, and a script from elsewhere can lead
 * credentials nowhere else: not to another port, nor from TLS to plain text.
 */
export interface NamedProxies {
  /** `undefined`: no entry for this proxy, or none that says more than the answer does. */
  find(hop: Hop): NamedProxy | undefined
}

/** Of chains only those of one proxy: a longer one is another way. Where entries agree on a proxy, the first with credentials counts, else the first. */
export function namedProxies(upstreams: ReadonlyMap<string, readonly Hop[]>): NamedProxies {
  const known = new Map<string, NamedProxy>()
  for (const [name, hops] of upstreams) {
    const [hop, ...more] = hops
    if (!hop || more.length > 0 || !(hop.credentials || hop.resolveLocally)) continue
    const hasCredentials = hop.credentials !== undefined
    const before = known.get(placeOf(hop))
    if (before && (before.hasCredentials || !hasCredentials)) continue
    known.set(placeOf(hop), { name, candidate: { hops: [{ ...hop, kind: kindOf(hop) }] }, hasCredentials })
  }
  return { find: (hop) => (known.size === 0 ? undefined : known.get(placeOf(hop))) }
}

/** Hosts have their canonical form already, in answers and in settings. */
function placeOf(hop: Hop): string {
  return describeHop({ ...hop, kind: kindOf(hop) })
}

/** Two names of one protocol, of which a PAC answer knows one. */
function kindOf({ kind }: Hop): Hop['kind'] {
  return kind === 'socks5h' ? 'socks5' : kind
}

/** ` with the credentials of upstreams.corp`, for people. */
export function describeNamed({ name, hasCredentials }: NamedProxy): string {
  return hasCredentials ? ` with the credentials of upstreams.${name}` : ` as upstreams.${name} has it`
}
