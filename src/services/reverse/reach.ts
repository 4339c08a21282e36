import type { ContainerDirectory, ContainerEndpoint } from '../../contracts/containers.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'

export interface Surroundings {
  readonly directory: ContainerDirectory
  /** Addresses of this machine, or of the container that we are. */
  localAddresses(): readonly string[]
}

/**
 * Why an address that a container has does not lead to it from here; undefined where it does. As a container ourselves we reach the networks that we are
 * attached to, on the engine's host those behind its bridges: from there a macvlan's address leads past its containers into the LAN.
 *
 * `name`: what was asked for, for the words.
 */
export function outOfReach(name: string, endpoint: ContainerEndpoint, around: Surroundings): GatewayError | undefined {
  const { network, networkId } = endpoint
  const known = around.directory.view().networks.find(({ id }) => id === networkId)
  const without = known && WITHOUT_ADDRESS[known.driver]
  if (without) return new GatewayError('HOST_UNREACHABLE', `${name} ${without[0]}`, { hint: without[1] })
  const self = around
    .localAddresses()
    .map((address) => around.directory.byAddress(address))
    .find((container) => container !== undefined)
  if (self) {
    if (self.endpoints.some((own) => own.networkId === networkId)) return undefined
    return new GatewayError(
      'NETWORK_UNREACHABLE',
      `${name} is in the network ${network}, which the gateway is not in`,
      {
        hint: `Attach it: docker network connect ${network} ${self.name}`,
      },
    )
  }
  if (!known || known.bridged) return undefined
  return new GatewayError(
    'NETWORK_UNREACHABLE',
    `${name} is in the network ${network} (${known.driver}), whose containers are not behind a bridge of this machine`,
    { hint: `Run this door as a container in it: docker run --network ${network} …, as in docs/reverse.md.` },
  )
}

/** By the driver of networks that no container has an address in, and that none can be attached to beside another: what is so, and what helps. */
const WITHOUT_ADDRESS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  host: [
    'uses the network of the engine’s host and has no address of its own',
    'Its ports are the host’s: go there without this door, or start the container in a network of the engine’s.',
  ],
  null: ['has no network (none)', 'Start it in a network of the engine’s: docker run --network NETWORK …'],
}
