import type { Clock } from '../contracts/clock.ts'
import type { DoorContext } from '../contracts/door.ts'
import type { Relay } from '../contracts/relay.ts'
import { parseBasicCredentials } from '../credentials/basic-credentials.ts'
import { createHttpDoor, type HttpDoor } from '../listeners/http/http-door.ts'
import type { Settings } from '../settings/settings.ts'

export interface HttpSideOptions {
  readonly clock: Clock
  readonly settings: Settings
  readonly relay: Relay
  /** Our name in Via, one for all doors of the gateway, so that a loop through several of them is found too. */
  readonly pseudonym: string
}

/** The HTTP door as the settings want it. */
export function createHttpSide(context: DoorContext, { clock, settings, relay, pseudonym }: HttpSideOptions): HttpDoor {
  return createHttpDoor(context, { clock, relay, parseBasicCredentials, pseudonym, limits: limitsOf(settings) })
}

/** The same for settings with which the same HTTP door can go on. */
export function httpVersionOf(settings: Settings): string {
  return JSON.stringify(limitsOf(settings))
}

/** Milliseconds in which nothing moves in the middle of a request, where no other limit allows more; and of an origin that thinks, where it has none. */
const LONGEST_IDLE_MS = 300_000

/** Milliseconds for what has no limit of its own among the settings: the engine's word on who asks (2 s), and the answer to the client. */
const REST_MS = 3_000

/** The longest timer there is, 24 days: with `off`, `idleMs` comes first. */
const NO_LIMIT_MS = 2 ** 31 - 1

function limitsOf({ timeouts, limits }: Settings) {
  const idleMs = Math.min(LONGEST_IDLE_MS, timeouts.idle || LONGEST_IDLE_MS)
  // A decision, a way out that takes long to open, and an origin that thinks have their own limits, and an answer for the client.
  const thinkingMs = timeouts.decision + timeouts.dial + (timeouts.responseHead || LONGEST_IDLE_MS) + REST_MS
  return {
    headMs: timeouts.clientHead,
    idleMs: Math.max(idleMs, thinkingMs),
    keepAliveMs: timeouts.keepAlive,
    responseHeadMs: timeouts.responseHead || NO_LIMIT_MS,
    maxHeaderBytes: limits.requestHead,
  }
}
