import type { CapturePlan } from '../passthrough/rules/capture-plan.ts'

/** What `status` shows of the capture: where it takes from, and what it cannot do. `connections`: that stand, of a capture that is switched off. */
export function captureName(
  { interfaces, sources, hold }: Pick<CapturePlan, 'interfaces' | 'sources' | 'hold'>,
  { isOn, connections, isMute }: { readonly isOn: boolean; readonly connections: number; readonly isMute: boolean },
): string {
  if (!isOn) return `capture (off; ${connections} connections still stand)`
  const from = [...interfaces, ...sources].join(', ') || 'no network yet'
  const mute = isMute ? ' (refused UDP is not told: no CAP_NET_RAW)' : ''
  return `capture ${from}${hold ? '' : ' (accepts first)'}${mute}`
}
