import type { CapturePlan } from '../passthrough/rules/capture-plan.ts'
import { assertNoOtherGateway } from '../passthrough/rules/in-use.ts'
import { Installer, renderInstallation } from '../passthrough/rules/installer.ts'
import { kernelFamilies } from '../passthrough/transparent-socket.ts'
import type { Settings } from '../settings/settings.ts'
import { capturedNetworks, planCapture } from './capture-plan.ts'
import { planDatagrams } from './captured-datagrams.ts'
import { specialFor, takesDns } from './captured-dns.ts'

/** Loopback ports stand for those that the kernel chooses at start. */
const SOME_PORT = { 4: 40_004, 6: 40_006 } as const
const SOME_UDP_PORT = { 4: 41_004, 6: 41_006 } as const
const SOME_DNS_PORT = { 4: 42_004, 6: 42_006 } as const

export interface CapturePreview {
  readonly commands: string
  /** What a running gateway would add or choose itself. */
  readonly notes: readonly string[]
}

/** What a gateway with these settings would do to the kernel, without an engine's networks, and without doing it. */
export function renderCapture(settings: Settings): CapturePreview {
  const families = kernelFamilies()
  const { capture } = settings
  const ports = (some: Readonly<Record<4 | 6, number>>) =>
    Object.fromEntries(families.map((family) => [family, some[family]]))
  const plan = planCapture(settings, {
    networks: capturedNetworks(settings, undefined),
    tcp: ports(SOME_PORT),
    udp: planDatagrams(settings, ports(SOME_UDP_PORT)),
    special: takesDns(settings) ? specialFor(ports(SOME_DNS_PORT), ports(SOME_DNS_PORT)) : [],
    hold: capture.hold === 'off' ? undefined : { queue: capture.queue, by: 'nft' },
  })
  const notes = [
    ...(capture.enabled ? [] : ['capture.enabled is false: nothing of this is done']),
    `ports ${portsOf(plan).join(', ')} stand for ports that the kernel chooses at start`,
    ...(capture.networks.length > 0
      ? [
          `the networks chosen by capture.networks (${capture.networks.join(', ')}) are added to the sets while the gateway runs${capture.networks.includes('engine') ? '; `engine` leaves out those made with --internal, which are captured only by name' : ''}`,
        ]
      : []),
    ...(plan.hold
      ? [
          `where the kernel has no nft_queue, the line \`queue num ${plan.hold.queue}\` is left out, and the same rule is made with the older NFQUEUE target, which nft cannot write`,
        ]
      : []),
  ]
  return { commands: renderInstallation(plan, families), notes }
}

function portsOf({ tcp, udp, special }: CapturePlan): number[] {
  return [...Object.values(tcp.to), ...Object.values(udp.to ?? {}), ...(special[0] ? Object.values(special[0].to) : [])]
}

/** Takes away the rules, policy rules and routes of a gateway that was killed. Rejects with what is missing, and beside a gateway that runs. */
export async function removeCapture(): Promise<void> {
  await assertNoOtherGateway()
  await new Installer(kernelFamilies()).remove()
}
