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
 * Milliseconds that the other side of a pair is still served when a side has sent its FIN and only then broken off, from the moment when the kernel has all that is
 * for it, the FIN too. The answer is complete and must arrive: a TLS client, for one, sends its close_notify into a socket that the server has already closed, and gets a
 * reset for it. So when the time is over, the side that is whole is closed in order, and the kernel goes on delivering, however slow it reads; only the broken one is
 * reset. As without a gateway, a side that says anything afterwards is answered with a reset.
 */
export const LINGER_MS = 5_000

/**
 * Bytes thrown away meanwhile that the other side still sends. With more to say it is not read any more, and so made to wait, but not reset, for the end of the answer may
 * still be on its way to it: it has LINGER_MS, which then begin at the latest. (An origin whose client is gone, and which has everything, is told at once.) Once more as much is thrown away in the moment of closing, because unread bytes would
 * make a reset of it (`system/discard-received.ts`); who has still more to say gets the reset that says that nobody listens.
 */
export const LINGER_BYTES = 256 * 1024

/**
 * Milliseconds without a byte after which nobody waits any longer for an upstream that does not read what a client said that has broken off since: no answer can come to
 * anybody. As long as some of it is taken it goes on, however slowly, for it may be complete. About as long as a kernel keeps trying for a program that has ended.
 */
export const ABANDONED_MS = 60_000

/** Milliseconds between two looks at all pairs: one wake-up a second however many there are; limits are kept to within this. */
export const SWEEP_MS = 1_000
