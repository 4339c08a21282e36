import { type DoorRules, PATIENCE_MS } from '../../front/messages.ts'
import type { Settings } from '../../settings/settings.ts'
import type { DoorPlan } from '../doors.ts'

/** What the front must know of a door. Credentials are asked for by the doors themselves. */
export function doorRules(
  plan: DoorPlan,
  settings: Settings,
  maxConnections: number,
  pseudonym: string,
  patienceMs = PATIENCE_MS,
): DoorRules {
  const { timeouts, limits, relay } = settings
  return {
    serves: plan.auth === undefined && relay.fastPath !== 'off',
    captured: false,
    from: plan.from,
    maxConnections,
    maxHeadBytes: limits.requestHead,
    pseudonym,
    idleMs: timeouts.idle,
    lifetimeMs: timeouts.lifetime,
    dialMs: timeouts.dial,
    patienceMs,
  }
}

/** The same of a door for captured connections, which may have stopped taking any. */
export function captureRules({ timeouts, relay }: Settings, maxConnections: number, draining: boolean): DoorRules {
  return {
    serves: !draining && relay.fastPath !== 'off',
    captured: true,
    from: [],
    maxConnections,
    maxHeadBytes: 0,
    pseudonym: '',
    idleMs: timeouts.idle,
    lifetimeMs: timeouts.lifetime,
    dialMs: timeouts.dial,
    patienceMs: PATIENCE_MS,
  }
}
