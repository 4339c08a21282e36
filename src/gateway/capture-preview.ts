import { renderInstallation } from '../passthrough/rules/installer.ts'
import { kernelFamilies } from '../passthrough/transparent-socket.ts'
import type { Settings } from '../settings/settings.ts'
import { planCapture } from './capture-plan.ts'

/** Loopback ports stand for those that the kernel chooses at start. */
const SOME_PORT = { 4: 40_004, 6: 40_006 } as const

export interface CapturePreview {
  readonly commands: string
  /** What a running gateway would add or choose itself. */
  readonly notes: readonly string[]
}

/** What a gateway with these settings would do to the kernel, without an engine's networks, and without doing it. */
export function renderCapture(settings: Settings): CapturePreview {
  const families = kernelFamilies()
  const { capture } = settings
  const plan = planCapture(settings, {
    directory: undefined,
    tcp: Object.fromEntries(families.map((family) => [family, SOME_PORT[family]])),
    special: [],
    hold: capture.hold === 'off' ? undefined : { queue: capture.queue, by: 'nft' },
  })
  const notes = [
    ...(capture.enabled ? [] : ['capture.enabled is false: nothing of this is done']),
    `ports ${Object.values(plan.tcp.to).join(' and ')} stand for ports that the kernel chooses at start`,
    ...(capture.networks.length > 0
      ? [
          `the networks chosen by capture.networks (${capture.networks.join(', ')}) are added to the sets while the gateway runs`,
        ]
      : []),
  ]
  return { commands: renderInstallation(plan, families), notes }
}
