import type { Container, ContainerDirectory } from '../contracts/containers.ts'
import type { LocalAnswer } from '../wire/dns/reply.ts'
import { addressRecords } from './special-names.ts'

/** Seconds: containers come and go. */
const TTL = 5

/**
 * Names of the engine's containers: the container's own, its aliases, and `service.project` of compose. A client that is a container itself sees those
 * in the networks it is in, as with the engine's own DNS, and all addresses that fit. Undefined: nobody is called that.
 */
export function containerAnswer(
  name: string,
  type: number,
  client: string | undefined,
  directory: ContainerDirectory,
): LocalAnswer | undefined {
  const asking = client === undefined ? undefined : directory.byAddress(client)
  const networks = asking && new Set(asking.endpoints.map((endpoint) => endpoint.networkId))
  const addresses = directory.view().containers.flatMap((container) => {
    const everywhere = isCalled(container, name)
    return container.endpoints
      .filter((endpoint) => !networks || networks.has(endpoint.networkId))
      .filter((endpoint) => everywhere || endpoint.aliases.some((alias) => alias.toLowerCase() === name))
      .flatMap((endpoint) => endpoint.addresses)
  })
  if (addresses.length === 0) return undefined
  return { rcode: 0, records: addressRecords([...new Set(addresses)].slice(0, MAX_RECORDS), type, TTL) }
}

/** Records of one answer: a service with more replicas than this gives some of them. */
const MAX_RECORDS = 64

function isCalled({ name, service, project, unnamed }: Container, asked: string): boolean {
  if (name.toLowerCase() === asked) return true
  return service !== undefined && project !== undefined && !unnamed && `${service}.${project}`.toLowerCase() === asked
}
