import { GatewayError } from '../contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../contracts/resolver.ts'

/**
 * Milliseconds without an answer, after which a name is asked for IPv4 alone besides. Servers that leave the question for IPv6 unanswered (RFC 4074 §4.1) hold up both
 * families, and what most scripts ask for is IPv4. Shorter than what the system's resolver calls slow: such names have little room.
 */
export const ALONE_MS = 800
/** Names asked so at once. An answer of a server that is there takes no time, and where it is gone these would be asked in vain twice. */
const MOST_ALONE = 2

/** Asks the system for IPv4 alone. */
export class Ipv4Alone {
  readonly #resolver: Resolver
  #asking = 0

  constructor(resolver: Resolver) {
    this.#resolver = resolver
  }

  /** What is answered is to be called when nobody waits any longer: one whose turn has come keeps its place until the system is done with it. */
  ask(name: string, found: (addresses: readonly ResolvedAddress[]) => void): () => void {
    if (this.#asking >= MOST_ALONE) return () => {}
    this.#asking++
    const gaveUp = new AbortController()
    let begun = false
    const started = () => {
      begun = true
    }
    this.#resolver
      .resolve(name, gaveUp.signal, { family: 4, progress: { queued() {}, started } })
      .then((addresses) => addresses.length > 0 && found(addresses))
      // The question for both may still find something.
      .catch(() => {})
      .finally(() => this.#asking--)
    return () => {
      if (!begun) gaveUp.abort(new GatewayError('RESOLVE_FAILED', `nobody waits for ${name}`))
    }
  }
}
