import { randomBytes } from 'node:crypto'
import type { Clock } from '../contracts/clock.ts'
import type { DoorContext } from '../contracts/door.ts'
import type { Relay } from '../contracts/relay.ts'
import { parseBasicCredentials } from '../credentials/basic-credentials.ts'
import { createHttpDoor, type HttpDoor } from '../listeners/http/http-door.ts'
import type { Settings } from '../settings/settings.ts'

/** Our name in Via, one for the whole process, so that a loop through several of its doors is found too. */
const PSEUDONYM = `fairlead-${randomBytes(6).toString('hex')}`

export interface HttpSideOptions {
  readonly clock: Clock
  readonly settings: Settings
  readonly relay: Relay
}

/** The HTTP door as the settings want it. */
export function createHttpSide(context: DoorContext, { clock, settings, relay }: HttpSideOptions): HttpDoor {
  const { timeouts, limits } = settings
  return createHttpDoor(context, {
    clock,
    relay,
    parseBasicCredentials,
    pseudonym: PSEUDONYM,
    limits: {
      headMs: timeouts.clientHead,
      keepAliveMs: timeouts.keepAlive,
      responseHeadMs: timeouts.responseHead,
      maxHeaderBytes: limits.requestHead,
    },
  })
}
