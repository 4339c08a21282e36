import type { CapturePlan } from '../passthrough/rules/capture-plan.ts'

interface CaptureState {
  readonly isOn: boolean
  /** That stand, of a capture that is switched off. */
  readonly connections: number
  readonly isMute: boolean
  /** Interfaces that this machine does not have. */
  readonly absent: readonly string[]
  /** Networks that the engine does not have. */
  readonly missing: readonly string[]
}

/** What `status` shows of the capture: where it takes from, and what it cannot do. */
export function captureName(
  { interfaces, sources, hold }: Pick<CapturePlan, 'interfaces' | 'sources' | 'hold'>,
  { isOn, connections, isMute, absent, missing }: CaptureState,
): string {
  if (!isOn) return `capture (off; ${connections} connections still stand)`
  const from = [...interfaces.filter((name) => !absent.includes(name)), ...sources].join(', ') || 'no network yet'
  const elsewhere = absent.length > 0 ? ` (not captured, no interface of this machine: ${absent.join(', ')})` : ''
  const none = missing.length > 0 ? ` (the engine has no network ${missing.join(', ')})` : ''
  const mute = isMute ? ' (refused UDP is not told: no CAP_NET_RAW)' : ''
  return `capture ${from}${elsewhere}${none}${hold ? '' : ' (accepts first)'}${mute}`
}
