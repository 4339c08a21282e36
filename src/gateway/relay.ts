import type { Clock } from '../contracts/clock.ts'
import { createRelay, type RunningRelay } from '../relay/create-relay.ts'
import type { Settings } from '../settings/settings.ts'

/** The byte pump as the settings want it. */
export function relayOf({ timeouts, relay }: Settings, clock: Clock, warn: (message: string) => void): RunningRelay {
  return createRelay({
    clock,
    idleMs: timeouts.idle,
    lifetimeMs: timeouts.lifetime,
    ...(relay.fastPath === 'off' ? { fast: false } : {}),
    onFastPathLost: (reason) => warn(`bytes are moved in user space: ${reason}`),
  })
}

/** Relays by their limits: settings that keep them keep the relay and its threads. Old ones serve on until their flows have ended. */
export class Relays {
  readonly #clock: Clock
  readonly #warn: (message: string) => void
  readonly #relays = new Map<string, RunningRelay>()

  constructor(clock: Clock, warn: (message: string) => void) {
    this.#clock = clock
    this.#warn = warn
  }

  for(settings: Settings): RunningRelay {
    const { idle, lifetime } = settings.timeouts
    const key = `${idle} ${lifetime} ${settings.relay.fastPath}`
    let relay = this.#relays.get(key)
    if (!relay) {
      relay = relayOf(settings, this.#clock, this.#warn)
      this.#relays.set(key, relay)
    }
    return relay
  }

  async close(): Promise<void> {
    await Promise.all([...this.#relays.values()].map((relay) => relay.close()))
  }
}
