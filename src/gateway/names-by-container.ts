import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { Container, ContainerDirectory } from '../contracts/containers.ts'
import type { Newcomers } from './newcomers.ts'

/**
 * What was answered to a container holds for all of its addresses, for it may ask over IPv4 and connect over IPv6, and for nobody who gets one of them
 * after it. Clients that the engine does not know are their address; in its networks (steps of a build are such) only until something changes in the
 * engine, for the next container has the address before the engine's word of it comes. They have a memory of their own: a container may feign as many
 * addresses as its network has, and what other containers were told is not to be lost to that.
 */
export function namesByContainer(
  names: AnsweredNames,
  strangers: AnsweredNames,
  newcomers: Pick<Newcomers, 'at' | 'isContainers'>,
  directory: Pick<ContainerDirectory, 'byAddress' | 'onChange'>,
): AnsweredNames {
  let changes = 0
  directory.onChange(() => {
    changes += 1
  })
  const keyOf = (client: string, container: Container | undefined) =>
    container?.id ?? (newcomers.isContainers(client) ? `${client} ${changes}` : client)
  const of = (container: Container | undefined) => (container ? names : strangers)
  return {
    remember(client, name, addresses, ttlSeconds) {
      const rememberFor = (container: Container | undefined) =>
        of(container).remember(keyOf(client, container), name, addresses, ttlSeconds)
      const container = newcomers.at(client)
      return container instanceof Promise ? container.then(rememberFor) : rememberFor(container)
    },
    namesOf(client, address) {
      const container = directory.byAddress(client)
      return of(container).namesOf(keyOf(client, container), address)
    },
  }
}
