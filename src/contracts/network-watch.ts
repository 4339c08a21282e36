/**
 * Tells when the machine's network has become another one: addresses, default route or resolver (a VPN that comes or goes, a cable, a
 * new office). What was learnt of the old network does not hold in the new one.
 */
export interface NetworkWatch {
  /** Called after each change, a burst of changes once. The returned function ends it. */
  onChange(listener: () => void): () => void
  close(): void
}
