export interface ResolvedAddress {
  readonly address: string
  readonly family: 4 | 6
}

/** Names to addresses, the way the host's own programs see them (getaddrinfo), in the order it gave. */
export interface Resolver {
  /** At least one address, or rejects with `GatewayError` RESOLVE_FAILED; on abort rejects with `signal.reason`. */
  resolve(name: string, signal: AbortSignal): Promise<readonly ResolvedAddress[]>
  /** Another network: answers that are remembered hold no longer. */
  forget?(): void
}
