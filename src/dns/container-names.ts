import { endpointsCalled } from '../contracts/container-names.ts'
import type { Container, ContainerDirectory } from '../contracts/containers.ts'
import type { LocalAnswer } from '../wire/dns/reply.ts'
import { addressRecords } from './special-names.ts'

/** Seconds: containers come and go. */
const TTL = 5

/** Who asks, by address; as of `Newcomers`. */
export interface Askers {
  at(address: string): Container | undefined | Promise<Container | undefined>
  isContainers(address: string): boolean
}

/**
 * Names of the engine's containers: the container's own, its aliases, and `service.project` of compose. A client that is a container itself sees those
 * in the networks it is in, as with the engine's own DNS, and all addresses that fit; one that the engine has not told of in time sees none. Undefined:
 * nobody is called that.
 */
export async function containerAnswer(
  name: string,
  type: number,
  client: string | undefined,
  directory: ContainerDirectory,
  askers: Askers,
): Promise<LocalAnswer | undefined> {
  // Nobody waits for who asks after other names.
  if (endpointsCalled(name, directory.view()).length === 0) return undefined
  const asking = client === undefined ? undefined : await askers.at(client)
  if (!asking && client !== undefined && askers.isContainers(client)) return undefined
  const networks = asking && new Set(asking.endpoints.map((endpoint) => endpoint.networkId))
  const addresses = endpointsCalled(name, directory.view())
    .map(({ endpoint }) => endpoint)
    .filter((endpoint) => !networks || networks.has(endpoint.networkId))
    .flatMap((endpoint) => endpoint.addresses)
  if (addresses.length === 0) return undefined
  return { rcode: 0, records: addressRecords([...new Set(addresses)].slice(0, MAX_RECORDS), type, TTL) }
}

/** Records of one answer: a service with more replicas than this gives some of them. */
const MAX_RECORDS = 64
