import type { Conn } from '../contracts/conn.ts'
import type { RelayCounts, RelayEnd, RelayResult } from '../contracts/relay.ts'

/** Two Conns being relayed: what stays the same whichever way their bytes are moved. */
export interface Pair {
  readonly client: Conn
  readonly upstream: Conn
  readonly signal: AbortSignal
  readonly counts: RelayCounts
  /** Monotonic milliseconds. */
  readonly startedAt: number
  /** Milliseconds from `startedAt` to the upstream's first byte, once there was one. */
  firstByteMs: number | undefined
  readonly resolve: (result: RelayResult) => void
}

export function settle(pair: Pair, ended: RelayEnd): void {
  const { bytesUp, bytesDown } = pair.counts
  pair.resolve({
    bytesUp,
    bytesDown,
    ...(pair.firstByteMs === undefined ? {} : { firstByteMs: pair.firstByteMs }),
    ended,
  })
}
