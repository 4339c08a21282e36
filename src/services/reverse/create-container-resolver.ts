import type { Container, StoppedContainer } from '../../contracts/containers.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { ResolvedAddress, Resolver } from '../../contracts/resolver.ts'
import { nearestName } from '../../wire/nearest-name.ts'
import { findContainers, knownNames, listed, type Place } from './find-containers.ts'
import { lookAround, type Surroundings } from './reach.ts'
import { whileWanted } from './while-wanted.ts'

export interface ContainerResolverOptions extends Surroundings {
  /** Looks at the engine once more; resolves when done. For what has just happened: a container has started, or we were attached to its network. */
  refresh(): Promise<void>
}

/** Names compared for "did you mean": each costs microseconds, and anybody can ask for names that do not exist. */
const MAX_COMPARED = 1000

/** Resolves the names of containers, by nothing but the directory: a name that is none is refused and never asked of a DNS server. */
export function createContainerResolver(options: ContainerResolverOptions): Resolver {
  return {
    async resolve(name, signal) {
      const known = lookUp(name, options)
      if (!(known instanceof GatewayError)) return known
      await whileWanted(options.refresh(), signal)
      const anew = lookUp(name, options)
      if (anew instanceof GatewayError) throw anew
      return anew
    },
  }
}

/** By what is known now. */
function lookUp(name: string, around: Surroundings): ResolvedAddress[] | GatewayError {
  const found = findContainers(around.directory.view(), name)
  switch (found.kind) {
    case 'places':
      return addressesOf(name, found.places, around)
    case 'ambiguous': {
      const say = listed(found.say, 'or')
      return new GatewayError('RESOLVE_FAILED', `ambiguous: ${name} is in ${found.where}; say ${say}`)
    }
    case 'stopped':
      return notRunning(found.name, found.state)
    case 'detached': {
      const { name: container, network } = found
      const where = network === undefined ? 'in no network' : `not in the network ${network}`
      return new GatewayError('HOST_UNREACHABLE', `the container ${container} is ${where}`, {
        hint: `Attach it: docker network connect ${network ?? 'NETWORK'} ${container}`,
      })
    }
    case 'joined': {
      const { name: container, to } = found
      const whose = to ?? 'another container'
      return new GatewayError('HOST_UNREACHABLE', `the container ${container} has the network of ${whose}`, {
        hint: to === undefined ? 'That one is not running; start it.' : `Ask for that one, at the same port: ${to}`,
      })
    }
    case 'unknown':
      return unknown(name, around.directory)
  }
}

/**
 * Those in reach, IPv4 first: it is what programs in containers listen on for certain. Where there is none, what keeps the first. One that its container
 * has lost since the view was read may be another's by now.
 */
function addressesOf(name: string, places: readonly Place[], around: Surroundings): ResolvedAddress[] | GatewayError {
  const obstacle = lookAround(around)
  const found = places.flatMap(({ container, endpoint }) => {
    const addresses = endpoint.addresses.length > 0 ? endpoint.addresses : [undefined]
    return addresses.map((address) => ({
      address,
      error: obstacle(name, endpoint, address) ?? lostBy(container, address, around.directory),
    }))
  })
  const near = new Set(found.flatMap(({ address, error }) => (address === undefined || error ? [] : [address])))
  const resolved = [...near].map((address): ResolvedAddress => ({ address, family: address.includes(':') ? 6 : 4 }))
  if (resolved.length > 0) return resolved.sort((a, b) => a.family - b.family)
  const { container } = places[0]!
  return (
    found.find(({ error }) => error)?.error ??
    new GatewayError('HOST_UNREACHABLE', `${name} is the container ${container.name}, which has no address`, {
      hint: 'It uses the host’s network or none; a network of the engine’s own gives it an address.',
    })
  )
}

function lostBy({ id, name }: Container, address: string | undefined, directory: Surroundings['directory']) {
  if (address === undefined || directory.byAddress(address)?.id === id) return undefined
  return new GatewayError('HOST_UNREACHABLE', `whether the container ${name} still has its address is not known`, {
    hint: 'It is about to end or to start, or another container has the same address; ask again in a moment.',
  })
}

function notRunning(name: string, state: StoppedContainer['state']): GatewayError {
  const [what, hint] =
    state === 'restarting'
      ? ['is restarting', `It ends by itself each time that it is started; why: docker logs ${name}`]
      : state === 'removing'
        ? ['is being removed', 'Ask again when it has been made anew; `docker ps` lists the containers that run.']
        : ['is not running', `Start it: docker start ${name}`]
  return new GatewayError('HOST_UNREACHABLE', `the container ${name} ${what}`, { hint })
}

function unknown(name: string, directory: Surroundings['directory']): GatewayError {
  const near = nearestName(name, firstOf(knownNames(directory.view()), MAX_COMPARED))
  const question = near === undefined ? '' : `, did you mean ${near}?`
  if (!directory.connected) {
    const message = `no container ${name} is known, and the Docker engine is away${question}`
    return new GatewayError('RESOLVE_FAILED', message, { hint: '`fairlead status` says why.' })
  }
  return new GatewayError('RESOLVE_FAILED', `no such container: ${name}${question}`, {
    hint: 'This door leads to running containers only; `docker ps` lists them.',
  })
}

function* firstOf<T>(values: Iterable<T>, count: number): Generator<T> {
  for (const value of values) {
    if (count-- <= 0) return
    yield value
  }
}
