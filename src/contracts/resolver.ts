import type { Scope } from './target.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** Hears of a lookup that has to wait for others, so that waiting is not taken for an answer. */
export interface LookupProgress {
  queued(): void
  started(): void
}

export interface LookupOptions {
  /** For whom: the client's container, or address. What is known of nobody, as the names of a PAC script, shares one. */
  readonly client?: string | undefined
  /** Where it is told, the zones of that scope hold (`dns.zones` for containers). Default: the host's own view. */
  readonly scope?: Scope | undefined
  readonly progress?: LookupProgress
}

/** Names to addresses, the way the host's own programs see them (getaddrinfo), in the order it gave. */
export interface Resolver {
  /** At least one address, or rejects with `GatewayError` RESOLVE_FAILED; on abort rejects with `signal.reason`. */
  resolve(name: string, signal: AbortSignal, options?: LookupOptions): Promise<readonly ResolvedAddress[]>
  /** Another network: answers that are remembered hold no longer. */
  forget?(): void
}
