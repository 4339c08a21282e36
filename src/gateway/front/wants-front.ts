import type { Settings } from '../../settings/settings.ts'

/** The front has a clock of its own, so not with a clock of a test's. */
export function wantsFront(options: {
  readonly settings: Settings
  readonly clock?: unknown
  readonly front?: boolean | 'at-once'
}): boolean | 'at-once' {
  const switched = process.env['FAIRLEAD_FAST_RELAY']
  if (process.platform !== 'linux' || options.clock !== undefined) return false
  if (switched === 'off' || options.settings.relay.fastPath === 'off') return false
  return switched === 'at-once' ? switched : (options.front ?? false)
}
