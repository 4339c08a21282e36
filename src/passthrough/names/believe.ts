import type { Resolver } from '../../contracts/resolver.ts'
import type { Captured, NameSource } from '../../contracts/route.ts'
import type { Target } from '../../contracts/target.ts'

/** What counts where a name that a client has sent does not lead to the address it has dialled. */
export type Trust = 'address' | 'name' | 'reject'

/** What a client's first bytes say. */
export interface Heard {
  readonly name: string
  readonly source: Exclude<NameSource, 'dns'>
  /** Not meant for the server alone: only believed when it can be verified. */
  readonly hint?: boolean
}

export interface Witnesses {
  /** The names that our own DNS has told this client for the dialled address, the latest first. */
  readonly told: readonly string[]
  readonly heard?: Heard | undefined
}

export interface Believed {
  readonly target: Target
  readonly captured: Captured
}

/**
 * Weighs names against the dialled address. What our own DNS told the client is true; where it was several names, the client's first bytes say
 * which of them is meant, or else it is taken to be the latest. What the client says itself is true if the name leads to that address; where
 * it does not, or cannot be looked up, `trust` decides. With `reject` the router refuses what is disbelieved.
 */
export async function believe(
  dialled: Target,
  { told, heard }: Witnesses,
  trust: Trust,
  resolver: Resolver,
  signal: AbortSignal,
  client: string,
): Promise<Believed> {
  if (!heard) return told.length > 0 ? toldName(dialled, told) : { target: dialled, captured: { dialled } }
  const { name, source, hint } = heard
  const captured: Captured = { dialled, nameSource: source }
  const named: Believed = { target: { host: name, family: 0, port: dialled.port }, captured }
  // Needs no other proof. Nearly all hellos of browsers look like encrypted ones (GREASE, RFC 9849 §6.2), and hold the name that is meant.
  if (told.includes(name)) return named
  // The outer name of an encrypted ClientHello says no word about which of its provider's customers is meant. Nor can be told whether it is one: `reject` takes neither for the other.
  if (hint && told.length > 0) return trust === 'reject' ? disbelieved(dialled, name) : toldName(dialled, told)
  const looked = leadsTo(name, dialled.host, resolver, signal, client)
  if (trust === 'name' && !hint) {
    captured.unverified = true
    // For the log alone: where only a proxy knows names, looking one up may take long and find nothing.
    void looked.then((leads) => {
      if (leads === false) captured.disagrees = true
      if (leads) delete captured.unverified
    })
    return named
  }
  if (await looked) return named
  return disbelieved(dialled, name)
}

function disbelieved(dialled: Target, name: string): Believed {
  return { target: dialled, captured: { dialled, disbelieved: name } }
}

/** By our DNS alone; `told` is not empty. */
export function toldName(dialled: Target, told: readonly string[]): Believed {
  return {
    target: { host: told[0]!, family: 0, port: dialled.port },
    captured: { dialled, nameSource: 'dns', ...(told.length > 1 ? { oneOf: told } : {}) },
  }
}

/** Undefined where it cannot be looked up. */
async function leadsTo(
  name: string,
  address: string,
  resolver: Resolver,
  signal: AbortSignal,
  client: string,
): Promise<boolean | undefined> {
  try {
    return (await resolver.resolve(name, signal, { client, scope: 'containers' })).some(
      (resolved) => resolved.address === address,
    )
  } catch {
    return undefined
  }
}
