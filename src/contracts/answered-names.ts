/**
 * What the DNS told each client: the best witness of the name that a captured connection means. Filled by `dns/`, asked by `passthrough/`.
 * Bounded in clients and names; an answer holds for its TTL and a grace, for programs keep addresses for longer than they should.
 */
export interface AnsweredNames {
  /** `name` canonical (see `Target.host`), `addresses` canonical, `ttlSeconds` of the answer. */
  remember(client: string, name: string, addresses: readonly string[], ttlSeconds: number): void
  /** The names answered to this client with this address, the latest first: servers of many names have one address. Empty: none. */
  namesOf(client: string, address: string): readonly string[]
}
