/**
 * What the DNS told each client: the best witness of the name that a captured connection means. Filled by `dns/`, asked by `passthrough/`.
 * Bounded in clients and names; an answer holds for its TTL and a grace, for programs keep addresses for longer than they should.
 */
export interface AnsweredNames {
  /**
   * `name` canonical (see `Target.host`), `addresses` canonical, `ttlSeconds` of the answer. A promise where it is not known yet which container
   * has the client's address: the answer waits for it, so that the container is still there when it is known. Bounded in time; never rejects.
   */
  remember(client: string, name: string, addresses: readonly string[], ttlSeconds: number): void | Promise<void>
  /** The names answered to this client with this address, the latest first: servers of many names have one address. Empty: none. */
  namesOf(client: string, address: string): readonly string[]
}
