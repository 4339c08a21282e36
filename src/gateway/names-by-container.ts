import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { ContainerDirectory } from '../contracts/containers.ts'

/**
 * What was answered to a container holds for all of its addresses, for it may ask over IPv4 and connect over IPv6, and for nobody who gets one of them
 * after it. Clients that the engine does not know are their address.
 */
export function namesByContainer(
  names: AnsweredNames,
  directory: Pick<ContainerDirectory, 'byAddress'>,
): AnsweredNames {
  const known = (client: string) => directory.byAddress(client)?.id
  return {
    remember(client, name, addresses, ttlSeconds) {
      names.remember(known(client) ?? client, name, addresses, ttlSeconds)
    },
    namesOf(client, address) {
      const id = known(client)
      const told = id === undefined ? [] : names.namesOf(id, address)
      // A container may ask before the engine's word of it has come.
      return told.length > 0 ? told : names.namesOf(client, address)
    },
  }
}
