import type { Container, ContainerDirectory, ContainerNetwork, ContainerView } from '../contracts/containers.ts'
import type { Client, RouteQuery } from '../contracts/route.ts'
import { AddressOwners } from '../wire/address-owners.ts'
import { inBlocks } from '../wire/ip-block.ts'
import { hostAddresses } from './host-addresses.ts'

/** The name of the network of the engine's that an address is in, where the client is a container of others. Undefined: nothing stands between them. */
export type NetworkBorders = (address: string, client: Client) => string | undefined

/**
 * An engine keeps its bridged networks apart from each other, and this host is in all of them: what the gateway dials for a container must not go where
 * that container has no way to. The host's own addresses there are nobody's network: a container reaches them by itself. Which one of those that share
 * one network the client is cannot be told, and makes no difference here.
 */
export function networkBorders(
  directory: Pick<ContainerDirectory, 'view'> & { allAt?(address: string): readonly Container[] },
  ownAddresses: () => readonly string[] = hostAddresses,
): NetworkBorders {
  let read: (Bridged & { readonly of: ContainerView }) | undefined
  return (address, { address: from, container }) => {
    const view = directory.view()
    if (read?.of !== view) read = { of: view, ...bridgedIn(view, ownAddresses) }
    const { all, each } = read
    if (from === undefined || !all.isContainers(from) || !all.isContainers(address)) return undefined
    const there = each.filter(({ holds }) => holds(address))
    const clients = container ? [container] : (directory.allAt?.(from) ?? [])
    const isIn = ({ network, holds }: (typeof there)[number]) =>
      holds(from) || (clients.length > 0 && clients.every(({ endpoints }) => isAmong(endpoints, network)))
    return there.some(isIn) ? undefined : there[0]?.network.name
  }
}

/** Whether there is such a border before what a query dials: who its client is then decides. By a name nobody knows that yet. */
export function leadsBeyond({ target, captured, client }: RouteQuery, borders: NetworkBorders): boolean {
  const { host, family } = captured?.dialled ?? target
  return family !== 0 && borders(host, client) !== undefined
}

function isAmong(endpoints: Container['endpoints'], { id }: ContainerNetwork): boolean {
  return endpoints.some(({ networkId }) => networkId === id)
}

interface Bridged {
  readonly all: AddressOwners
  readonly each: readonly { readonly network: ContainerNetwork; holds(address: string): boolean }[]
}

function bridgedIn({ networks }: ContainerView, ownAddresses: () => readonly string[]): Bridged {
  const bridged = networks.filter((network) => network.bridged)
  const subnets = bridged.flatMap((network) => network.subnets)
  const gateways = [...bridged.flatMap((network) => network.gateways), ...readable(ownAddresses)]
  return {
    all: new AddressOwners(() => undefined, { subnets, gateways }),
    each: bridged.map((network) => ({ network, holds: inBlocks(network.subnets) })),
  }
}

/** They cannot be read for want of descriptors, say; the engine tells most of them. */
function readable(addresses: () => readonly string[]): readonly string[] {
  try {
    return addresses()
  } catch {
    return []
  }
}
