import type { Conn } from './conn.ts'

/** How a relayed pair came to its end. Everything but `finished` destroyed both sides. */
export type RelayEnd = 'finished' | 'client-reset' | 'upstream-reset' | 'idle' | 'lifetime' | 'aborted'

export interface RelayResult {
  /** Payload bytes from the client to the upstream, and back. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** Milliseconds from the start of the relay to the upstream's first byte; absent when none came. */
  readonly firstByteMs?: number
  readonly ended: RelayEnd
}

/** Counts that grow while the relay runs, for the live view; the relay owns and updates the object. */
export interface RelayCounts {
  bytesUp: number
  bytesDown: number
}

/**
 * Moves bytes between two Conns until both directions have ended. Half-close is kept: the end of one direction is passed on and the other
 * goes on. Back-pressure is kept both ways. Never rejects; both Conns are closed when it resolves. Aborting `signal` destroys both.
 */
export type Relay = (client: Conn, upstream: Conn, signal: AbortSignal, counts?: RelayCounts) => Promise<RelayResult>
