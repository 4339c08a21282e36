import type {
  Container,
  ContainerEndpoint,
  ContainerNetwork,
  ContainerView,
  StoppedContainer,
} from '../contracts/containers.ts'
import type { Negotiated } from './api-version.ts'
import type { EngineClient } from './engine-client.ts'
import { EngineError } from './engine-error.ts'
import { HOST_LIKE, IMAGE_ID } from './names.ts'
import {
  INSPECTED,
  type InspectedContainer,
  LISTED,
  type ListedContainer,
  readContainers,
  readInspected,
} from './read-containers.ts'
import { readNetworks } from './read-networks.ts'
import { OUTWARD, OUTWARD_NETWORK, readOutward } from './read-outward.ts'

/** Containers asked for their names at once: an engine answers them one by one anyway. */
const INSPECTS_AT_ONCE = 4
/** Stopped containers that are remembered, for a message that says so. */
const MAX_STOPPED = 1000

/** What does not run, in Docker's words, and those of them that Podman knows: it refuses a question with another one. */
const IDLE = ['created', 'restarting', 'removing', 'exited', 'dead']
const IDLE_OF_OTHERS = ['created', 'removing', 'exited']

/** By the container's id. */
type Outward = ReadonlyMap<string, readonly string[]>

/**
 * Reads everything from an engine. What a container is called in its networks, and what its image was called when it was made, stands in no list: each is
 * asked for, once for as long as it is connected to the same networks and has the same name, which is one of its names there.
 */
export class ViewReader {
  readonly #client: EngineClient
  readonly #prefix: string
  readonly #isAnother: boolean
  /** By `keyOf`; those that are gone leave with the next reading. */
  #inspected = new Map<string, InspectedContainer>()
  /** By the container's id, for it never changes. */
  #images = new Map<string, string>()
  /** What was said last of who is in the network of outward addresses, which has this id. */
  #toldOutward: { readonly network: string; readonly told: Outward } | undefined

  /** `isAnother`: it says that it is no engine of Docker's. */
  constructor(client: EngineClient, { prefix, isAnother }: Pick<Negotiated, 'prefix' | 'isAnother'>) {
    this.#client = client
    this.#prefix = prefix
    this.#isAnother = isAnother
  }

  /** `networksRead`: is told of them before anything else is asked for, which takes the longer the more containers there are. */
  async read(
    signal: AbortSignal,
    networksRead: (networks: readonly ContainerNetwork[]) => void,
  ): Promise<ContainerView> {
    const networks = readNetworks(await this.#client.get(`${this.#prefix}/networks`, signal), this.#isAnother)
    networksRead(networks)
    const listed = readContainers(await this.#client.get(`${this.#prefix}/containers/json`, signal, LISTED))
    const running = listed.filter(({ runs }) => runs)
    const inspected = await this.#inspectedOf(running, signal)
    const outward = await this.#outward(networks, signal)
    const stopped = await this.#stopped(signal)
    const idOf = this.#isAnother ? idsByName(networks) : (id: string) => id
    return {
      networks: networks.map((network) => (isOutward(network) && !outward ? { ...network, untold: true } : network)),
      containers: running.map((container) =>
        toContainer(
          withImage(container, this.#images.get(container.id)),
          inspected.get(keyOf(container))?.aliases,
          outward?.get(container.id) ?? [],
          idOf,
        ),
      ),
      stopped: stopped.map(
        ({ name, labels, state }): StoppedContainer => ({ name, ...composeOf(labels), ...(state && { state }) }),
      ),
    }
  }

  /**
   * Undefined: there is such a network, and the engine has not said who is in it. Where it has before, its silence is no word of nobody: what it said last holds for those
   * who still run, and who has come since cannot be told.
   */
  async #outward(networks: readonly ContainerNetwork[], signal: AbortSignal): Promise<Outward | undefined> {
    const network = networks.find(isOutward)
    if (!network) return new Map()
    try {
      const told = readOutward(await this.#client.get(`${this.#prefix}/networks/${network.id}`, signal, OUTWARD))
      this.#toldOutward = { network: network.id, told }
      return told
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof EngineError)) throw error
      return this.#toldOutward?.network === network.id ? this.#toldOutward.told : undefined
    }
  }

  /** Asked for by themselves: however many there are, and whatever their images say, they take no room from those that run. */
  async #stopped(signal: AbortSignal): Promise<readonly ListedContainer[]> {
    const filters = encodeURIComponent(JSON.stringify({ status: this.#isAnother ? IDLE_OF_OTHERS : IDLE }))
    const path = `${this.#prefix}/containers/json?all=1&limit=${MAX_STOPPED}&filters=${filters}`
    try {
      return readContainers(await this.#client.get(path, signal, LISTED)).filter(({ runs }) => !runs)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof EngineError) return []
      throw error
    }
  }

  async #inspectedOf(
    running: readonly ListedContainer[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, InspectedContainer>> {
    const known = new Map<string, InspectedContainer>()
    const unknown: ListedContainer[] = []
    for (const container of running) {
      const key = keyOf(container)
      const inspected = this.#inspected.get(key)
      if (inspected) known.set(key, inspected)
      else unknown.push(container)
    }
    const images = new Map([...this.#images].filter(([id]) => running.some((container) => container.id === id)))
    const ask = async () => {
      for (let container = unknown.pop(); container; container = unknown.pop()) {
        const inspected = await this.#inspect(container.id, signal)
        if (!inspected) continue
        known.set(keyOf(container), inspected)
        if (inspected.image !== '') images.set(container.id, inspected.image)
      }
    }
    await Promise.all(Array.from({ length: INSPECTS_AT_ONCE }, ask))
    this.#inspected = known
    this.#images = images
    return known
  }

  /** A container can go between the list and the question: that one fails and is asked again next time, if it is still there. */
  async #inspect(id: string, signal: AbortSignal): Promise<InspectedContainer | undefined> {
    try {
      return readInspected(await this.#client.get(`${this.#prefix}/containers/${id}/json`, signal, INSPECTED))
    } catch {
      return undefined
    }
  }
}

function keyOf({ id, name, endpoints }: ListedContainer): string {
  return `${id} ${endpoints.map(({ networkId, endpointId }) => `${networkId} ${endpointId}`).sort()} ${name}`
}

/** What the container was made from. The list alone has an id as soon as the name leads to another image, after any build or pull of it. */
function withImage(
  listed: ListedContainer,
  asked: string | undefined,
): ListedContainer & Pick<Container, 'untoldImage'> {
  if (asked) return { ...listed, image: asked }
  return IMAGE_ID.test(listed.image) ? { ...listed, untoldImage: true } : listed
}

/** Podman's containers are in networks by name, its list of networks has ids as well, and calls its default network as Docker does. */
function idsByName(networks: readonly ContainerNetwork[]): (networkId: string) => string {
  const byName = new Map(networks.map(({ id, name }) => [name, id]))
  return (networkId) =>
    byName.get(networkId) ?? (networkId === 'podman' ? byName.get('bridge') : undefined) ?? networkId
}

function isOutward({ name, bridged }: ContainerNetwork): boolean {
  return bridged && name === OUTWARD_NETWORK
}

function toContainer(
  listed: ListedContainer & Pick<Container, 'untoldImage'>,
  aliases: InspectedContainer['aliases'] | undefined,
  outwardAddresses: readonly string[],
  idOf: (networkId: string) => string,
): Container {
  const { id, name, image, untoldImage, labels, unreadLabels, networkOf } = listed
  const endpoints = listed.endpoints.map(({ network, networkId, addresses }) => ({
    ...{ network, networkId: idOf(networkId), addresses },
    aliases: aliases?.get(networkId) ?? [],
  }))
  const compose = composeOf(labels)
  const unnamed = compose.service !== undefined && !isNamedByCompose(compose.service, labels, endpoints)
  const more = { ...(unreadLabels && { unreadLabels }), ...(networkOf !== undefined && { networkOf }) }
  const outward = outwardAddresses.filter((address) => !endpoints.some(({ addresses }) => addresses.includes(address)))
  const all = { endpoints, ...(outward.length > 0 && { outward }) }
  return {
    id,
    name,
    image,
    ...(untoldImage && { untoldImage }),
    labels,
    ...compose,
    ...(unnamed && { unnamed }),
    ...more,
    ...all,
  }
}

/**
 * Compose gives a service's containers the service's name in their networks, but for those of `compose run`. Labels alone say nothing: an image can
 * bring them, as those that compose has built do, and would take the name from the service wherever it runs.
 */
function isNamedByCompose(
  service: string,
  labels: Readonly<Record<string, string>>,
  endpoints: readonly ContainerEndpoint[],
): boolean {
  if (labels['com.docker.compose.oneoff']?.toLowerCase() === 'true') return false
  return endpoints.some(({ aliases }) => aliases.some((alias) => alias.toLowerCase() === service.toLowerCase()))
}

function composeOf(labels: Readonly<Record<string, string>>): { project?: string; service?: string } {
  const project = labels['com.docker.compose.project']
  const service = labels['com.docker.compose.service']
  return {
    ...(project !== undefined && HOST_LIKE.test(project) ? { project } : {}),
    ...(service !== undefined && HOST_LIKE.test(service) ? { service } : {}),
  }
}
