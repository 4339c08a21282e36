import type { Resolver } from '../../contracts/resolver.ts'
import type { Captured, NameSource } from '../../contracts/route.ts'
import type { Target } from '../../contracts/target.ts'

/** What counts where a name that a client has sent does not lead to the address it has dialled. */
export type Trust = 'address' | 'name' | 'reject'

export interface Witness {
  readonly name: string
  readonly source: NameSource
  /** Not meant for the server alone: only believed when it can be verified. */
  readonly hint?: boolean
}

export interface Believed {
  readonly target: Target
  readonly captured: Captured
}

/**
 * Weighs a name against the dialled address. What our own DNS told the client is true. What the client says itself is true if the name
 * leads to that address; where it does not, or cannot be looked up, `trust` decides. With `reject` the router refuses what is disbelieved.
 */
export async function believe(
  dialled: Target,
  witness: Witness | undefined,
  trust: Trust,
  resolver: Resolver,
  signal: AbortSignal,
): Promise<Believed> {
  if (!witness) return { target: dialled, captured: { dialled } }
  const { name, source, hint } = witness
  const named: Believed = {
    target: { host: name, family: 0, port: dialled.port },
    captured: { dialled, nameSource: source },
  }
  if (source === 'dns' || (trust === 'name' && !hint)) return named
  if (await leadsTo(name, dialled.host, resolver, signal)) return named
  return { target: dialled, captured: { dialled, disbelieved: name } }
}

async function leadsTo(name: string, address: string, resolver: Resolver, signal: AbortSignal): Promise<boolean> {
  try {
    return (await resolver.resolve(name, signal)).some((resolved) => resolved.address === address)
  } catch {
    return false
  }
}
