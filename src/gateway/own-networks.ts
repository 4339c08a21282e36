import { endpointsCalled } from '../contracts/container-names.ts'
import type { ContainerDirectory, ContainerEndpoint, ContainerView } from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { type Decision, direct } from '../router/decision.ts'
import type { SpecialAddresses } from '../router/special-addresses.ts'
import type { InterfaceAddress } from '../system/interface-addresses.ts'
import { inBlocks } from '../wire/ip-block.ts'
import { ownAddresses as readOwnAddresses } from './host-addresses.ts'

/** What containers ask a proxy door of their own networks. */
export interface OwnNetworks extends Pick<SpecialAddresses, 'decide' | 'dialled'> {
  /** Whether it may be such a question, whoever asks it. */
  concerns(query: RouteQuery): boolean
}

/**
 * The neighbours of a container: those that it shares a bridged network with, by the names that it has for them there, and by address. Without a proxy it
 * reaches them past the gateway, captured or not. A program that sends everything to a proxy (`HTTP_PROXY`, from the engine's client) asks it for them as
 * well, and no upstream knows them: so they are dialled, in that network, where this machine is in it, too.
 */
export function createOwnNetworks(
  directory: Pick<ContainerDirectory, 'view'>,
  ownAddresses: () => readonly InterfaceAddress[] = readOwnAddresses,
): OwnNetworks {
  const isCandidate = ({ scope, captured }: RouteQuery) => scope === 'containers' && captured === undefined

  /** Of the network that they share, if there is such a one. */
  const found = (query: RouteQuery): readonly Found[] => {
    const { container } = query.client
    if (!container || !isCandidate(query)) return []
    const view = directory.view()
    const shared = endpointsAsked(query, view).filter(({ endpoint }) =>
      container.endpoints.some(({ networkId }) => networkId === endpoint.networkId),
    )
    if (shared.length === 0) return []
    const isHere = inReach(view, ownAddresses())
    return shared.filter(({ endpoint }) => isHere(endpoint.networkId))
  }

  return {
    concerns: (query) => isCandidate(query) && endpointsAsked(query, directory.view()).length > 0,
    decide(query): Decision | undefined {
      const [first] = found(query)
      if (!first) return undefined
      const { name, endpoint } = first
      return direct('own-network', `${name} is a container in ${endpoint.network}, which its client is in, too`)
    },
    dialled(query) {
      const addresses = found(query).flatMap(({ endpoint, address }) => address ?? endpoint.addresses)
      return addresses.length > 0 ? [...new Set(addresses)].slice(0, MAX_ADDRESSES) : undefined
    },
  }
}

interface Found {
  readonly name: string
  readonly endpoint: ContainerEndpoint
  /** Where it was asked for by that. */
  readonly address?: string
}

/** Tried in turn: a service with more replicas than this has some of them tried. */
const MAX_ADDRESSES = 16

function endpointsAsked({ target: { host, family } }: RouteQuery, view: ContainerView): readonly Found[] {
  if (family === 0)
    return endpointsCalled(host, view).map(({ container, endpoint }) => ({ name: container.name, endpoint }))
  return view.containers.flatMap(({ name, endpoints }) =>
    endpoints
      .filter(({ addresses }) => addresses.includes(host))
      .map((endpoint) => ({ name, endpoint, address: host })),
  )
}

/** By network id: bridged, and with an address of this machine's. What the engine of another machine has is not to be looked for here. */
function inReach({ networks }: ContainerView, own: readonly InterfaceAddress[]): (id: string) => boolean {
  return (id) => {
    const network = networks.find((one) => one.id === id)
    if (!network?.bridged) return false
    const holds = inBlocks(network.subnets)
    return own.some(({ address }) => holds(address))
  }
}

/** The first that has a word to say. */
export function withOwnNetworks(special: SpecialAddresses, own: OwnNetworks | undefined): SpecialAddresses {
  if (!own) return special
  return {
    ...special,
    decide: (query) => special.decide(query) ?? own.decide(query),
    dialled: (query) => special.dialled(query) ?? own.dialled(query),
  }
}
