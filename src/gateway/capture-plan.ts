import type { ContainerDirectory, ContainerNetwork } from '../contracts/containers.ts'
import type { CapturePlan, LocalPorts, NetworkMembers, SpecialCapture } from '../passthrough/rules/capture-plan.ts'
import type { Settings } from '../settings/settings.ts'

/** What the rules need beyond the settings. */
export interface CaptureSurroundings {
  readonly networks: NetworkMembers
  /** Ports of the gateway's transparent sockets. */
  readonly tcp: LocalPorts
  readonly hold: CapturePlan['hold'] | undefined
  readonly special: readonly SpecialCapture[]
  readonly udp: CapturePlan['udp']
}

/** The settings, and what is there to be captured, as one plan for the kernel. */
export function planCapture(settings: Settings, around: CaptureSurroundings): CapturePlan {
  const { capture, containersProxy, dns } = settings
  return {
    mark: capture.mark,
    routeTable: capture.table,
    ...around.networks,
    tcp: { ports: containersProxy.transparentPorts, to: around.tcp },
    otherPorts: capture.otherPorts,
    udp: around.udp,
    special: around.special,
    hosts: unique([...dns.hostAddress, ...dns.gatewayAddress]),
    ...(around.hold ? { hold: around.hold } : {}),
  }
}

/** Where captured traffic comes from. A network whose bridge is known is captured by it, any other by its addresses. */
export function capturedNetworks(
  { capture }: Pick<Settings, 'capture'>,
  directory: ContainerDirectory | undefined,
): NetworkMembers {
  const all = directory?.view().networks ?? []
  const chosen = chosenNetworks(capture, all)
  const interfaces = chosen.flatMap(({ bridge }) => (bridge === undefined ? [] : [bridge]))
  const sources = chosen.filter(({ bridge }) => bridge === undefined).flatMap(({ subnets }) => subnets)
  return {
    interfaces: unique([...capture.interfaces, ...interfaces.filter((name) => INTERFACE.test(name))]),
    sources: unique([...capture.subnets, ...sources]),
    // Of the engine's networks only: a block of the settings may well hold what its containers go to. And not of a macvlan, whose block is the LAN's.
    own: unique(all.filter(({ bridged }) => bridged).flatMap(({ subnets }) => subnets)),
  }
}

/** Those of the engine's networks that `capture.networks` means. */
export function chosenNetworks(
  { networks }: Settings['capture'],
  all: readonly ContainerNetwork[],
): readonly ContainerNetwork[] {
  return all.filter((network) => isChosen(network, networks))
}

/** The engine's word goes into a script: nothing but a plain name may. */
const INTERFACE = /^[A-Za-z0-9_.:@-]{1,15}$/

/** `engine` gives no network a way out that the engine has made without one; only who names it does. */
export function isLeftInside(network: ContainerNetwork, { networks }: Pick<Settings['capture'], 'networks'>): boolean {
  return network.bridged && network.internal && networks.includes('engine') && !isChosen(network, networks)
}

function isChosen({ name, bridged, internal }: ContainerNetwork, wanted: readonly string[]): boolean {
  return wanted.includes(name) || (wanted.includes('engine') && bridged && !internal)
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort()
}
