import { endpointsAt, endpointsCalled, isInNetwork, type NamedEndpoint } from '../contracts/container-names.ts'
import type {
  Container,
  ContainerDirectory,
  ContainerNetwork,
  ContainerView,
  StoppedContainer,
} from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { type Decision, direct, reject } from '../router/decision.ts'
import type { SpecialAddresses } from '../router/special-addresses.ts'
import type { InterfaceAddress } from '../system/interface-addresses.ts'
import { inBlocks } from '../wire/ip-block.ts'
import { targetFromHost } from '../wire/target.ts'
import { ownAddresses as readOwnAddresses } from './host-addresses.ts'

/** What containers ask a proxy door of their own networks. */
export interface OwnNetworks extends Pick<SpecialAddresses, 'decide'> {
  /** Whether it may be such a question, whoever asks it. */
  concerns(query: RouteQuery): boolean
  /** Whether it looks like one for a container that is not known, or not yet: a name of one label, or one that ends like a network of the client's. */
  mayConcern(query: RouteQuery): boolean
  /** Where a neighbour that is asked for by name can be dialled. Undefined: it is none. */
  addresses(query: RouteQuery): readonly string[] | undefined
  /** The name of the network in which the target is this machine's own address. */
  hostIn(query: RouteQuery): string | undefined
}

/**
 * The neighbours of a container: those that it shares a bridged network with, by the names that it has for them there, and by address. Without a proxy it
 * reaches them past the gateway, captured or not. A program that sends everything to a proxy (`HTTP_PROXY`, from the engine's client) asks it for them as
 * well, and no upstream knows them: so they are dialled, in that network, where this machine is in it, too. And so is this machine at its own address there
 * (172.17.0.1, say), by which containers know their host. `namesEverywhere`: whether our own DNS has names in networks, too, where the engine has none.
 */
export function createOwnNetworks(
  directory: Pick<ContainerDirectory, 'view'>,
  namesEverywhere: () => boolean,
  readOwn: () => readonly InterfaceAddress[] = readOwnAddresses,
  monotonic: () => number = () => performance.now(),
): OwnNetworks {
  const ownAddresses = keptFor(OWN_MS, readOwn, monotonic)
  const isCandidate = ({ scope, captured }: RouteQuery) => scope === 'containers' && captured === undefined

  /** Bridged, with an address of this machine's: what the engine of another machine has is not to be looked for here. */
  const isHere = ({ bridged, subnets }: ContainerNetwork): boolean => {
    if (!bridged) return false
    const holds = inBlocks(subnets)
    return ownAddresses().some(({ address }) => holds(address))
  }

  /** What is asked for, in networks that the client is in, and in which it has that name or address and a way there. */
  const shared = (query: RouteQuery, container: Container): readonly NamedEndpoint[] => {
    const own = asked(query).filter(({ endpoint }) => isInNetwork(container, endpoint.networkId))
    if (own.length === 0) return own
    const { networks } = directory.view()
    return own.filter(({ endpoint }) => {
      const network = networks.find(({ id }) => id === endpoint.networkId)
      if (!network || network.parted) return false
      const isNamed = query.target.family !== 0 || !network.nameless || namesEverywhere()
      return isNamed && isHere(network)
    })
  }

  const asked = ({ target: { host, family } }: RouteQuery): readonly NamedEndpoint[] =>
    family === 0 ? endpointsCalled(host, directory.view()) : endpointsAt(host, directory.view())

  /** Replicas of a service have their turns. */
  const turns = new Map<string, number>()
  const inTurn = (name: string, addresses: readonly string[]): readonly string[] => {
    const turn = turns.get(name) ?? 0
    if (turns.size >= MAX_TURNS) turns.clear()
    turns.set(name, turn + 1)
    const first = turn % addresses.length
    return [...addresses.slice(first), ...addresses.slice(0, first)].slice(0, MAX_ADDRESSES)
  }

  const hostIn = (query: RouteQuery): string | undefined => {
    const { container } = query.client
    const { family, host } = query.target
    if (!container || family === 0 || !isCandidate(query)) return undefined
    const network = directory
      .view()
      .networks.find(({ id, bridged, subnets }) => bridged && isInNetwork(container, id) && inBlocks(subnets)(host))
    return network && ownAddresses().some(({ address }) => address === host) ? network.name : undefined
  }

  return {
    hostIn,
    concerns(query) {
      if (!isCandidate(query)) return false
      const { family, host } = query.target
      if (asked(query).length > 0) return true
      // The engine's word for this machine's address in a network.
      return family !== 0 && directory.view().networks.some(({ gateways }) => gateways.includes(host))
    },
    mayConcern(query) {
      const { container } = query.client
      const { family, host } = query.target
      if (!container || family !== 0 || !isCandidate(query) || asked(query).length > 0) return false
      if (!host.includes('.')) return true
      return container.endpoints.some(({ network }) => host.endsWith(`.${network.toLowerCase()}`))
    },
    addresses(query) {
      const { container } = query.client
      if (!container || query.target.family !== 0 || !isCandidate(query)) return undefined
      const found = shared(query, container)
      return found.length > 0 ? addressesOf(query, found) : undefined
    },
    decide(query): Decision | undefined {
      const { container } = query.client
      if (!container || !isCandidate(query)) return undefined
      const found = shared(query, container)
      const [first] = found
      if (first) {
        const detail = `${first.container.name} is a container in ${first.endpoint.network}, which its client is in, too`
        return direct('own-network', detail, inTurn(query.target.host, addressesOf(query, found)))
      }
      const stopped = stoppedOf(query, container, directory.view())
      if (stopped) return reject('own-network', `the container ${stopped.name} is not running`)
      const network = hostIn(query)
      if (network === undefined) return undefined
      return direct('own-network', `this is the host, by its address in ${network}`, [query.target.host])
    },
  }
}

/** Milliseconds that this machine's addresses are taken for the same: to read them is not for each request. */
const OWN_MS = 1_000
/** Tried in turn: a service with more replicas than this has some of them tried. */
const MAX_ADDRESSES = 16
/** Names whose turns are kept. */
const MAX_TURNS = 1_024

function addressesOf({ target: { host, family } }: RouteQuery, found: readonly NamedEndpoint[]): readonly string[] {
  if (family !== 0) return [host]
  return [...new Set(found.flatMap(({ endpoint }) => endpoint.addresses))]
}

/**
 * Nobody else is called so for the client: a container or service of its own compose project that has ended. Of others it is not known which networks they were in, and
 * their names may be those of real hosts, as with a dot any name may be one of DNS.
 */
function stoppedOf(
  { target: { host, family } }: RouteQuery,
  { project }: Container,
  { stopped = [] }: ContainerView,
): StoppedContainer | undefined {
  if (family !== 0 || host.includes('.') || project === undefined) return undefined
  const isCalled = (one: StoppedContainer) => one.name.toLowerCase() === host || one.service?.toLowerCase() === host
  return stopped.find((one) => one.project === project && isCalled(one))
}

/** Where they cannot be read, for want of descriptors, say, the last that could. */
function keptFor(
  ms: number,
  read: () => readonly InterfaceAddress[],
  monotonic: () => number,
): () => readonly InterfaceAddress[] {
  let kept: readonly InterfaceAddress[] = []
  let until = Number.NEGATIVE_INFINITY
  return () => {
    const now = monotonic()
    if (now < until) return kept
    until = now + ms
    try {
      kept = read()
    } catch {
      // As they were.
    }
    return kept
  }
}

/** The first that has a word to say. The host by its address in a network is the host: what holds for its name holds there. */
export function withOwnNetworks(special: SpecialAddresses, own: OwnNetworks | undefined): SpecialAddresses {
  if (!own) return special
  const byName = (query: RouteQuery): RouteQuery | undefined =>
    own.hostIn(query) === undefined ? undefined : { ...query, target: targetFromHost(HOST_NAME, query.target.port) }
  return {
    ...special,
    decide(query) {
      const decided = special.decide(query)
      if (decided) return decided
      const host = byName(query)
      const asHost = host && special.decide(host)
      return asHost?.decision === 'reject' ? asHost : own.decide(query)
    },
    hostTargets(query) {
      const host = byName(query)
      const known = special.hostTargets(query) ?? (host && special.hostTargets(host))
      if (known) return known
      return own.addresses(query)?.map((address) => targetFromHost(address, query.target.port))
    },
  }
}

const HOST_NAME = 'host.docker.internal'
