import type { ContainerDirectory, ContainerEndpoint, ContainerNetwork } from '../../contracts/containers.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import { inBlocks } from '../../wire/ip-block.ts'

/** An address of this machine, canonical, and the interface that it is at. */
export interface OwnAddress {
  readonly device: string
  readonly address: string
}

export interface Surroundings {
  readonly directory: ContainerDirectory
  /** Of this machine, or of the container that we are. */
  ownAddresses(): readonly OwnAddress[]
}

/**
 * Why a container cannot be reached from here; undefined where it can. `name`: what was asked for, for the words. `address`: one that it has there;
 * absent: it has none.
 */
export type Obstacle = (name: string, endpoint: ContainerEndpoint, address?: string) => GatewayError | undefined

/**
 * What is in reach. As a container ourselves we reach the networks that we are attached to, on the engine's host those in which this machine has an
 * address: a macvlan's address leads past its containers into the LAN, and so does that of a bridge which is another machine's (an engine in a VM, one
 * without root, one that is asked over the network) or has no address, for the way there is then the one to everywhere.
 */
export function lookAround({ directory, ownAddresses }: Surroundings): Obstacle {
  const own = ownAddresses()
  const { networks } = directory.view()
  const self = own.map(({ address }) => directory.byAddress(address)).find((container) => container !== undefined)
  return (name, { network, networkId }, address) => {
    const known = networks.find(({ id }) => id === networkId)
    const without = known && WITHOUT_ADDRESS[known.driver]
    if (without) return new GatewayError('HOST_UNREACHABLE', `${name} ${without[0]}`, { hint: without[1] })
    if (self) {
      if (self.endpoints.some((one) => one.networkId === networkId)) return undefined
      const hint = `Attach it: docker network connect ${network} ${self.name}`
      return unreachable(`${name} is in the network ${network}, which the gateway is not in`, hint)
    }
    if (!known) {
      const hint = 'Ask again in a moment; `docker network ls` lists the networks that there are.'
      return unreachable(`${name} is in the network ${network}, of which the engine has told nothing yet`, hint)
    }
    const hint = `Run this door as a container in it: docker run --network ${network} …, as in docs/reverse.md.`
    if (!known.bridged) {
      const what = `${network} (${known.driver}), whose containers are not behind a bridge of this machine`
      return unreachable(`${name} is in the network ${what}`, hint)
    }
    if (address === undefined || hasAddressIn(known, address, own)) return undefined
    const family = address.includes(':') ? 'IPv6' : 'IPv4'
    return unreachable(`${name} is in the network ${network}, in which this machine has no ${family} address`, hint)
  }
}

/**
 * By the bridge's name, where that is known: another machine's networks may well have the same blocks as ours. Where it is not, as Podman does not tell
 * it, by the address that the engine gave the bridge.
 */
function hasAddressIn({ bridge, subnets, gateways }: ContainerNetwork, address: string, own: readonly OwnAddress[]) {
  const there = own.filter((one) => (bridge === undefined ? gateways.includes(one.address) : one.device === bridge))
  if (there.length === 0) return false
  return subnets.some((subnet) => {
    const holds = inBlocks([subnet])
    return holds(address) && there.some((one) => holds(one.address))
  })
}

function unreachable(message: string, hint: string): GatewayError {
  return new GatewayError('NETWORK_UNREACHABLE', message, { hint })
}

/** By the driver of networks that no container has an address in, and that none can be attached to beside another: what is so, and what helps. */
const WITHOUT_ADDRESS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  host: [
    'uses the network of the engine’s host and has no address of its own',
    'Its ports are the host’s: go there without this door, or start the container in a network of the engine’s.',
  ],
  null: ['has no network (none)', 'Start it in a network of the engine’s: docker run --network NETWORK …'],
}
