import type { Router } from '../../contracts/route.ts'
import type { AllDialers } from '../../dialers/create-dialers.ts'
import type { FlowRecords } from '../../observe/flow-records.ts'
import type { Settings } from '../../settings/settings.ts'
import { handleFlow } from '../handle-flow.ts'
import type { HeldFlow } from './held-flow.ts'

export interface HeldFlowWays {
  readonly router: Router
  readonly dialers: Pick<AllDialers, 'directAddresses'>
  readonly records: FlowRecords
}

/** The life of a tunnel whose ends are the front's: the same as any other's, but that dialling and relaying happen in the thread. */
export function handleHeldFlow(flow: HeldFlow, { router, dialers, records }: HeldFlowWays): Promise<void> {
  return handleFlow(
    flow,
    {
      router,
      dialers: {
        dial: (route, query, signal) =>
          flow.dial(route, () => dialers.directAddresses(query.target, { signal, query })),
      },
      relay: () => flow.relayed(),
      records,
    },
    flow.signal,
  )
}

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
