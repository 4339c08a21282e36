import type { ContainerDirectory } from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'

/** The same flow with the container that its client is, where the directory knows the client's address. */
export function identified<F extends RouteQuery>(flow: F, directory: Pick<ContainerDirectory, 'byAddress'>): F {
  const { address, container: known } = flow.client
  const container = address === undefined || known ? undefined : directory.byAddress(address)
  return container ? { ...flow, client: { ...flow.client, container } } : flow
}
