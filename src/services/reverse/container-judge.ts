import { GatewayError } from '../../contracts/gateway-error.ts'
import { isCloudMetadata, isLinkLocal, isLoopback, isUnspecified } from '../../wire/address.ts'
import { lookAround, type OwnAddress, type Surroundings } from './reach.ts'

/**
 * Lets through the addresses that running containers have, and no others: gateways, the host, the LAN (a macvlan network shares its block), metadata
 * services and the internet are refused by not being a container's. Whatever an engine claims, this machine's own addresses are never dialled.
 */
export function createContainerJudge(around: Surroundings, isNever: (address: string) => boolean) {
  return (address: string): GatewayError | undefined => {
    // Not by the address that it only goes out by: there is no network of ours in which it has that one.
    const endpoint = around.directory.byAddress(address)?.endpoints.find(({ addresses }) => addresses.includes(address))
    if (!endpoint || isNever(address)) {
      return new GatewayError('ACCESS_DENIED', `${address} is not the address of a running container`, {
        hint: 'This door leads to containers only; `docker ps` lists them, and their names work too.',
      })
    }
    return lookAround(around)(address, endpoint, address)
  }
}

/** What no container can have. */
export function isNoContainers(address: string, own: readonly OwnAddress[]): boolean {
  const reserved = isLoopback(address) || isUnspecified(address) || isLinkLocal(address) || isCloudMetadata(address)
  return reserved || own.some((one) => one.address === address)
}
