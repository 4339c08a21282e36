import type { Clock } from '../contracts/clock.ts'
import type { Relay } from '../contracts/relay.ts'
import { createRelay, type RunningRelay } from '../relay/create-relay.ts'
import type { Settings } from '../settings/settings.ts'

/** The byte pump as the settings want it: limits change with each generation, the threads that move bytes in the kernel stay. */
export class Relays {
  readonly #clock: Clock
  readonly #pipeSharers: number
  readonly #warn: (message: string) => void
  /** By whether they have the fast path; started when first wanted. */
  readonly #running = new Map<boolean, RunningRelay>()
  #latest: { readonly settings: Settings; readonly relay: Relay } | undefined

  constructor(clock: Clock, pipeSharers: number, warn: (message: string) => void) {
    this.#clock = clock
    this.#pipeSharers = pipeSharers
    this.#warn = warn
  }

  for(settings: Settings): Relay {
    if (this.#latest?.settings !== settings) this.#latest = { settings, relay: this.#relayFor(settings) }
    return this.#latest.relay
  }

  /** Ends what still runs, before its sockets are closed by somebody who does not know that it was not over: a cut tunnel must not look complete. */
  async abort(): Promise<void> {
    await Promise.all([...this.#running.values()].map((relay) => relay.abort()))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((relay) => relay.close()))
  }

  #relayFor({ timeouts, relay }: Settings): Relay {
    const limits = { idleMs: timeouts.idle, lifetimeMs: timeouts.lifetime }
    const fast = relay.fastPath !== 'off'
    const running = this.#running.get(fast)
    if (running) return running.withLimits(limits)
    const started = createRelay({
      ...limits,
      clock: this.#clock,
      pipeSharers: this.#pipeSharers,
      ...(fast ? {} : { fast: false }),
      onFastPathLost: (reason) => this.#warn(`bytes are moved in user space: ${reason}`),
    })
    this.#running.set(fast, started)
    return started
  }
}
