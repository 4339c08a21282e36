import { endpointsCalled } from '../contracts/container-names.ts'
import type { ContainerDirectory, ContainerEndpoint, ContainerView } from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { type Decision, direct } from '../router/decision.ts'
import type { SpecialAddresses } from '../router/special-addresses.ts'
import type { InterfaceAddress } from '../system/interface-addresses.ts'
import { inBlocks } from '../wire/ip-block.ts'
import { targetFromHost } from '../wire/target.ts'
import { ownAddresses as readOwnAddresses } from './host-addresses.ts'

/** What containers ask a proxy door of their own networks. */
export interface OwnNetworks extends Pick<SpecialAddresses, 'decide' | 'dialled'> {
  /** Whether it may be such a question, whoever asks it. */
  concerns(query: RouteQuery): boolean
  /** The name of the network in which the target is this machine's own address. */
  hostIn(query: RouteQuery): string | undefined
}

/**
 * The neighbours of a container: those that it shares a bridged network with, by the names that it has for them there, and by address. Without a proxy it
 * reaches them past the gateway, captured or not. A program that sends everything to a proxy (`HTTP_PROXY`, from the engine's client) asks it for them as
 * well, and no upstream knows them: so they are dialled, in that network, where this machine is in it, too. And so is this machine at its own address there
 * (172.17.0.1, say), by which containers know their host.
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

  const hostIn = (query: RouteQuery): string | undefined => {
    const { container } = query.client
    const { family, host } = query.target
    if (!container || family === 0 || !isCandidate(query)) return undefined
    const { networks } = directory.view()
    const shared = networks.find(
      ({ id, bridged, subnets }) =>
        bridged && container.endpoints.some(({ networkId }) => networkId === id) && inBlocks(subnets)(host),
    )
    return shared && ownAddresses().some(({ address }) => address === host) ? shared.name : undefined
  }

  return {
    concerns: (query) =>
      isCandidate(query) && (endpointsAsked(query, directory.view()).length > 0 || isGateway(query, directory.view())),
    hostIn,
    decide(query): Decision | undefined {
      const [first] = found(query)
      const network = first ? undefined : hostIn(query)
      if (network !== undefined) return direct('own-network', `this is the host, by its address in ${network}`)
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

/** The engine's word for this machine's address in a network. */
function isGateway({ target: { host, family } }: RouteQuery, { networks }: ContainerView): boolean {
  return family !== 0 && networks.some(({ gateways }) => gateways.includes(host))
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

/** The first that has a word to say. The host by its address in a network is the host: what holds for its name holds there. */
export function withOwnNetworks(special: SpecialAddresses, own: OwnNetworks | undefined): SpecialAddresses {
  if (!own) return special
  const byName = (query: RouteQuery): RouteQuery | undefined =>
    own.hostIn(query) === undefined ? undefined : { ...query, target: targetFromHost(HOST_NAME, query.target.port) }
  return {
    decide(query) {
      const decided = special.decide(query)
      if (decided) return decided
      const host = byName(query)
      const asHost = host && special.decide(host)
      return asHost?.decision === 'reject' ? asHost : own.decide(query)
    },
    dialled: (query) => special.dialled(query) ?? own.dialled(query),
    hostTargets(query) {
      const host = byName(query)
      return special.hostTargets(query) ?? (host && special.hostTargets(host))
    },
  }
}

const HOST_NAME = 'host.docker.internal'
