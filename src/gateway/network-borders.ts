import { isInNetwork } from '../contracts/container-names.ts'
import type { Container, ContainerDirectory, ContainerView } from '../contracts/containers.ts'
import type { Client, RouteQuery } from '../contracts/route.ts'
import type { ClosedNetwork } from '../router/access.ts'
import type { InterfaceAddress } from '../system/interface-addresses.ts'
import { AddressOwners } from '../wire/address-owners.ts'
import { inBlocks } from '../wire/ip-block.ts'
import { ownAddresses as readOwnAddresses } from './host-addresses.ts'

/** The network of the engine's that an address is in, where the client is in others or in none, or where it is kept from its neighbours. Undefined: nothing stands between them. */
export type NetworkBorders = (address: string, client: Client) => ClosedNetwork | undefined

/**
 * An engine keeps its bridged networks apart from each other and from whoever is outside, but for published ports, and this host is in all of them: what
 * the gateway dials for another machine or a container must not go where that has no way to. The host's own addresses there are nobody's network:
 * everybody reaches them. Which one of those that share one network the client is cannot be told, and makes no difference here.
 */
export function networkBorders(
  directory: Pick<ContainerDirectory, 'view'> & { allAt?(address: string): readonly Container[] },
  ownAddresses: () => readonly InterfaceAddress[] = readOwnAddresses,
  monotonic: () => number = () => performance.now(),
): NetworkBorders {
  let read: (Bridged & { readonly of: ContainerView; readonly until: number }) | undefined
  return (address, { address: from, container }) => {
    const view = directory.view()
    if (read?.of !== view || monotonic() >= read.until) {
      const isTold = view.networks.length > 0
      const own = readable(ownAddresses)
      const found = isTold ? bridgedIn(view, own) : bridgesOf(own)
      read = { of: view, until: isTold ? Number.POSITIVE_INFINITY : monotonic() + UNTOLD_MS, ...found }
    }
    const { all, each } = read
    if (from === undefined || !all.isContainers(address)) return undefined
    const there = each.filter(({ holds }) => holds(address))
    const clients = container ? [container] : (directory.allAt?.(from) ?? [])
    const isIn = ({ bridge, holds }: (typeof there)[number]) =>
      holds(from) || (clients.length > 0 && clients.every((client) => isInNetwork(client, bridge.id)))
    const within = there.filter(isIn)
    if (there.length === 0 || within.some(({ bridge }) => !bridge.parted)) return undefined
    // As they are now: whoever is refused has the time.
    const own = readable(ownAddresses).map((one) => one.address)
    if (own.includes(from) || own.includes(address)) return undefined
    if (within[0]) return isOf(clients, from, address) ? undefined : { name: within[0].bridge.name, parted: true }
    // Of an engine elsewhere: to whoever is outside, the same blocks may mean a network of this side.
    const isHere = all.isContainers(from) || own.some((one) => there.some(({ holds }) => holds(one)))
    return isHere && there[0] ? { name: there[0].bridge.name } : undefined
  }
}

/** Milliseconds that this machine's bridges are taken for the same, while the engine has not told of its networks. */
const UNTOLD_MS = 1_000

/** Whether there is such a border before what a query dials: who its client is then decides. By a name nobody knows that yet. */
export function leadsBeyond({ target, captured, client }: RouteQuery, borders: NetworkBorders): boolean {
  const { host, family } = captured?.dialled ?? target
  return family !== 0 && borders(host, client) !== undefined
}

/** Whoever the client is, it reaches itself. */
function isOf(clients: readonly Container[], from: string, address: string): boolean {
  return (
    from === address || clients.some(({ endpoints }) => endpoints.some(({ addresses }) => addresses.includes(address)))
  )
}

interface Bridged {
  readonly all: AddressOwners
  readonly each: readonly { readonly bridge: Bridge; holds(address: string): boolean }[]
}

interface Bridge {
  readonly name: string
  /** The engine's. */
  readonly id?: string
  /** As of `ContainerNetwork`. */
  readonly parted?: true
  readonly subnets: readonly string[]
}

function bridgedIn({ networks }: ContainerView, own: readonly InterfaceAddress[]): Bridged {
  const bridged = networks.filter((network) => network.bridged)
  return bridgedBy(bridged, [...bridged.flatMap(({ gateways }) => gateways), ...own.map(({ address }) => address)])
}

/** Before an engine has been heard for the first time: what lies behind bridges that Docker has made on this machine, by the names that it gives them. */
function bridgesOf(own: readonly InterfaceAddress[]): Bridged {
  const made = own.filter(({ device }) => /^(docker0|br-[0-9a-f]{12})$/.test(device))
  const bridges = made.map(({ device, address, bits }) => ({ name: device, subnets: [`${address}/${bits}`] }))
  return bridgedBy(
    bridges,
    own.map(({ address }) => address),
  )
}

function bridgedBy(bridges: readonly Bridge[], gateways: readonly string[]): Bridged {
  const subnets = bridges.flatMap((bridge) => bridge.subnets)
  return {
    all: new AddressOwners(() => undefined, { subnets, gateways }),
    each: bridges.map((bridge) => ({ bridge, holds: inBlocks(bridge.subnets) })),
  }
}

/** They cannot be read for want of descriptors, say; the engine tells most of them. */
function readable(addresses: () => readonly InterfaceAddress[]): readonly InterfaceAddress[] {
  try {
    return addresses()
  } catch {
    return []
  }
}
