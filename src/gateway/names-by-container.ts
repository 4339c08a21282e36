import type { AnsweredNames } from '../contracts/answered-names.ts'
import type { Container } from '../contracts/containers.ts'
import type { Newcomers } from './newcomers.ts'

/**
 * What was answered to a container holds for all of its addresses, for it may ask over IPv4 and connect over IPv6, and for nobody who gets one of them
 * after it. Clients that are not in the engine's networks are their address. In those networks an address alone is nobody: the next container has it
 * before the engine's word comes, so what cannot be remembered for a container is forgotten.
 */
export function namesByContainer(
  names: AnsweredNames,
  newcomers: Pick<Newcomers, 'at' | 'isContainers' | 'known'>,
): AnsweredNames {
  const keyOf = (client: string, container: Container | undefined) =>
    container?.id ?? (newcomers.isContainers(client) ? undefined : client)
  return {
    remember(client, name, addresses, ttlSeconds) {
      const rememberFor = (container: Container | undefined) => {
        const key = keyOf(client, container)
        if (key !== undefined) return names.remember(key, name, addresses, ttlSeconds)
      }
      const container = newcomers.at(client)
      return container instanceof Promise ? container.then(rememberFor) : rememberFor(container)
    },
    namesOf(client, address) {
      const key = keyOf(client, newcomers.known(client))
      return key === undefined ? [] : names.namesOf(key, address)
    },
  }
}
