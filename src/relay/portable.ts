import type { Clock } from '../contracts/clock.ts'
import type { Relay } from '../contracts/relay.ts'
import { LimitSweep } from './limit-sweep.ts'
import type { RelayLimits } from './limits.ts'
import { StreamPair } from './stream-pair.ts'

export interface PortableRelayOptions extends RelayLimits {
  readonly clock: Clock
}

/** The relay for any two Conns on any platform: nothing but stream events. */
export function createPortableRelay(options: PortableRelayOptions): Relay {
  const { clock } = options
  const sweep = new LimitSweep(options, clock)
  return (client, upstream, signal, counts = { bytesUp: 0, bytesDown: 0 }) =>
    new Promise((resolve) => {
      const pair = { client, upstream, signal, counts, startedAt: clock.monotonic(), firstByteMs: undefined, resolve }
      new StreamPair(pair, sweep, clock).start()
    })
}
