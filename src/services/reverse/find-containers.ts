import type { Container, ContainerEndpoint, ContainerView, StoppedContainer } from '../../contracts/containers.ts'

/** A place where a name leads: a container, in one of its networks. */
export interface Place {
  readonly container: Container
  readonly endpoint: ContainerEndpoint
}

export type Found =
  | { readonly kind: 'places'; readonly places: readonly Place[] }
  /** `where`: what tells them apart, in words. `say`: names that mean one of them. */
  | { readonly kind: 'ambiguous'; readonly where: string; readonly say: readonly string[] }
  | ({ readonly kind: 'stopped' } & Pick<StoppedContainer, 'name' | 'state'>)
  /** It runs, and is not in that network; without one: in none at all. */
  | { readonly kind: 'detached'; readonly name: string; readonly network?: string }
  /** It runs, and has the network of another container, which is called so where it runs. */
  | { readonly kind: 'joined'; readonly name: string; readonly to?: string }
  | { readonly kind: 'unknown' }

/** Names under which browsers and PAC files can tell containers from the rest of the world. */
export const SUFFIX = '.container.internal'

/**
 * What a host name means, `name` being canonical: the name of a container, else `service.project`, `alias.network` or `container.network`,
 * else a compose service, a network alias or a short id, where that is not ambiguous.
 */
export function findContainers({ networks, containers, stopped = [] }: ContainerView, name: string): Found {
  const wanted = name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : name
  const places = containers.flatMap((container) => container.endpoints.map((endpoint) => ({ container, endpoint })))
  for (const means of [isNamed, isQualified, isAlias]) {
    const matching = places.filter((place) => means(place, wanted))
    if (matching.length > 0) return oneMeaning(matching, wanted)
  }
  const detached = findDetached({ networks, containers }, wanted)
  if (detached) return detached
  const away = stopped.find((one) => ownNames(one).some((its) => same(its, wanted)))
  if (!away) return { kind: 'unknown' }
  return { kind: 'stopped', name: away.name, ...(away.state && { state: away.state }) }
}

/** A container that has the name, and not the network that is asked for, or none. */
function findDetached({ networks, containers }: ContainerView, wanted: string): Found | undefined {
  const meant = networks.filter(({ name }) => wanted.endsWith(`.${name.toLowerCase()}`))
  for (const container of containers) {
    const { name, endpoints, networkOf } = container
    const own = ownNames(container)
    const isMeant = own.some((one) =>
      [one, ...meant.map((network) => `${one}.${network.name}`)].some((its) => same(its, wanted)),
    )
    if (networkOf !== undefined && isMeant) {
      const to = containers.find(({ id }) => id === networkOf)?.name
      return { kind: 'joined', name, ...(to === undefined ? {} : { to }) }
    }
    if (endpoints.length === 0 && own.some((one) => same(one, wanted))) return { kind: 'detached', name }
    const network = meant.find((one) => own.some((its) => same(`${its}.${one.name}`, wanted)))
    if (network) return { kind: 'detached', name, network: network.name }
  }
  return undefined
}

/** Every name that means something, for "did you mean". */
export function* knownNames({ containers }: ContainerView): Generator<string> {
  for (const container of containers) {
    yield* container.unnamed ? [container.name] : ownNames(container)
    for (const { aliases } of container.endpoints) yield* aliases
  }
}

/** Whatever its networks are. A service has a name with its project, where it has one. */
function ownNames({ name, service, project }: StoppedContainer): string[] {
  if (service === undefined) return [name]
  return project === undefined ? [name, service] : [name, service, `${service}.${project}`]
}

function isNamed({ container }: Place, wanted: string): boolean {
  return same(container.name, wanted)
}

function isQualified({ container, endpoint }: Place, wanted: string): boolean {
  const { name, service, project, unnamed } = container
  if (service !== undefined && project !== undefined && !unnamed && same(`${service}.${project}`, wanted)) return true
  return [name, ...endpoint.aliases].some((one) => same(`${one}.${endpoint.network}`, wanted))
}

function isAlias({ container, endpoint }: Place, wanted: string): boolean {
  if (container.service !== undefined && !container.unnamed && same(container.service, wanted)) return true
  return endpoint.aliases.some((one) => same(one, wanted)) || container.id.startsWith(wanted.padEnd(SHORT_ID, '?'))
}

/** Digits of an id as `docker ps` shows it; fewer identify nothing. */
const SHORT_ID = 12

/** Host names know no case. */
function same(a: string, wanted: string): boolean {
  return a.toLowerCase() === wanted
}

/**
 * Several containers are one meaning where they are one service's, or share a name in one network of one project, or in one that is no project's: the
 * replicas of something. So are those of one project that share it in several networks, where each of these has the same services.
 */
function oneMeaning(places: readonly Place[], wanted: string): Found {
  const groups = new Map(places.map((place) => [groupOf(place), place]))
  if (new Set(places.map(({ container }) => container.id)).size === 1) return { kind: 'places', places }
  if (groups.size === 1 && haveSameServices(places)) return { kind: 'places', places }
  const say = [...new Set(places.map((place) => sayOne(place, places, wanted)))].sort()
  if (groups.size === 1) {
    const networks = [...new Set(places.map(({ endpoint }) => endpoint.network))].sort()
    return { kind: 'ambiguous', where: `networks ${listed(networks)}`, say }
  }
  const names = [...groups.keys()].map((key) => key.slice(1)).sort()
  const kinds = new Set([...groups.keys()].map((key) => key[0]))
  const plural = kinds.size > 1 ? 'projects and networks' : kinds.has('p') ? 'projects' : 'networks'
  return { kind: 'ambiguous', where: `${plural} ${listed(names)}`, say }
}

/** Whether each of the networks has the same services. */
function haveSameServices(places: readonly Place[]): boolean {
  const networks = new Set(places.map(({ endpoint }) => endpoint.networkId))
  const servicesIn = (id: string) => places.filter(({ endpoint }) => endpoint.networkId === id).map(serviceOf)
  return new Set([...networks].map((id) => JSON.stringify([...new Set(servicesIn(id))].sort()))).size === 1
}

/** A name that means this place, or one of its service's, and none of the others. */
function sayOne(place: Place, places: readonly Place[], wanted: string): string {
  const { container, endpoint } = place
  const { name, service, project } = container
  if (wanted.includes('.')) return name
  if (service !== undefined && project !== undefined && same(service, wanted)) return `${wanted}.${project}`
  if (!endpoint.aliases.some((one) => same(one, wanted))) return name
  const isShared = places.some(
    (other) => other.endpoint.network === endpoint.network && serviceOf(other) !== serviceOf(place),
  )
  return isShared ? name : `${wanted}.${endpoint.network}`
}

/** Of one project. In a project, a container of no service stands for itself; elsewhere all that share a name in one network are of one. */
function serviceOf(place: Place): string {
  const { id, project, service } = place.container
  if (project === undefined) return groupOf(place)
  return service === undefined ? id : `${service}.${project}`
}

function groupOf({ container, endpoint }: Place): string {
  return container.project === undefined ? `n${endpoint.network}` : `p${container.project}`
}

/** Names in a message; the rest are counted. */
const SHOWN = 5

export function listed(names: readonly string[], word = 'and'): string {
  const shown = names.slice(0, SHOWN)
  if (names.length > SHOWN) return `${shown.join(', ')} ${word} ${names.length - SHOWN} more`
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} ${word} ${shown.at(-1)}`
}
