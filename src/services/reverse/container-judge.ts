import type { ContainerDirectory } from '../../contracts/containers.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import { isCloudMetadata, isLinkLocal, isLoopback, isUnspecified } from '../../wire/address.ts'

/**
 * Lets through the addresses that running containers have, and no others: gateways, the host, the LAN (a macvlan network shares its block), metadata
 * services and the internet are refused by not being a container's. Whatever an engine claims, this machine's own addresses are never dialled.
 */
export function createContainerJudge(directory: ContainerDirectory, isNever: (address: string) => boolean) {
  return (address: string): GatewayError | undefined => {
    if (directory.byAddress(address) && !isNever(address)) return undefined
    return new GatewayError('ACCESS_DENIED', `${address} is not the address of a running container`, {
      hint: 'This door leads to containers only; `docker ps` lists them, and their names work too.',
    })
  }
}

/** What no container can have. */
export function isNoContainers(address: string, localAddresses: readonly string[]): boolean {
  const reserved = isLoopback(address) || isUnspecified(address) || isLinkLocal(address) || isCloudMetadata(address)
  return reserved || localAddresses.includes(address)
}
