/** What ends a pair that does not end by itself. Zero means no limit. */
export interface RelayLimits {
  /** Milliseconds without a byte in either direction. */
  readonly idleMs: number
  /** Milliseconds from the start of the pair. */
  readonly lifetimeMs: number
}

/** Bytes that may wait in user space for one slow side: a few reads of libuv (64 KiB each), so that a fast source is not stopped at every read. */
export const MAX_QUEUED_BYTES = 256 * 1024

/**
 * Milliseconds that the other side of a pair is still served when a side has sent its FIN and only then broken off. Its answer is complete and
 * must arrive: a TLS client, for one, sends its close_notify into a socket that the server has already closed, and gets a reset for it.
 */
export const LINGER_MS = 5_000

/** Bytes thrown away meanwhile that the other side still sends; with more to say, it is told by a reset that nobody listens. */
export const LINGER_BYTES = 256 * 1024

/** Milliseconds between two looks at all pairs: one wake-up a second however many there are; limits are kept to within this. */
export const SWEEP_MS = 1_000
