import type {
  Container,
  ContainerEndpoint,
  ContainerNetwork,
  ContainerView,
  StoppedContainer,
} from '../contracts/containers.ts'
import type { EngineClient } from './engine-client.ts'
import { EngineError } from './engine-error.ts'
import { HOST_LIKE } from './names.ts'
import { INSPECTED, LISTED, type ListedContainer, readAliases, readContainers } from './read-containers.ts'
import { readNetworks } from './read-networks.ts'
import { OUTWARD, OUTWARD_NETWORK, readOutward } from './read-outward.ts'

/** Containers asked for their names at once: an engine answers them one by one anyway. */
const INSPECTS_AT_ONCE = 4
/** Stopped containers that are remembered, for a message that says so. */
const MAX_STOPPED = 1000

type Aliases = ReadonlyMap<string, readonly string[]>
/** By the container's id. */
type Outward = ReadonlyMap<string, readonly string[]>

/**
 * Reads everything from an engine. What a container is called in its networks stands in no list: each is asked for, once for as long as it is
 * connected to the same networks.
 */
export class ViewReader {
  readonly #client: EngineClient
  readonly #prefix: string
  /** By container and endpoints; those that are gone leave with the next reading. */
  #aliases = new Map<string, Aliases>()

  constructor(client: EngineClient, prefix: string) {
    this.#client = client
    this.#prefix = prefix
  }

  async read(signal: AbortSignal): Promise<ContainerView> {
    const networks = readNetworks(await this.#client.get(`${this.#prefix}/networks`, signal))
    const listed = readContainers(await this.#client.get(`${this.#prefix}/containers/json`, signal, LISTED))
    const running = listed.filter(({ runs }) => runs)
    const aliases = await this.#aliasesOf(running, signal)
    const outward = await this.#outward(networks, signal)
    const stopped = await this.#stopped(signal)
    return {
      networks: networks.map((network) => (isOutward(network) && !outward ? { ...network, untold: true } : network)),
      containers: running.map((container) =>
        toContainer(container, aliases.get(keyOf(container)), outward?.get(container.id) ?? []),
      ),
      stopped: stopped.map(({ name, labels }): StoppedContainer => ({ name, ...composeOf(labels) })),
    }
  }

  /** Undefined: there is such a network, and the engine does not say who is in it. */
  async #outward(networks: readonly ContainerNetwork[], signal: AbortSignal): Promise<Outward | undefined> {
    const network = networks.find(isOutward)
    if (!network) return new Map()
    try {
      return readOutward(await this.#client.get(`${this.#prefix}/networks/${network.id}`, signal, OUTWARD))
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof EngineError) return undefined
      throw error
    }
  }

  /** Asked for by themselves: however many there are, and whatever their images say, they take no room from those that run. */
  async #stopped(signal: AbortSignal): Promise<readonly ListedContainer[]> {
    const filters = encodeURIComponent(JSON.stringify({ status: ['created', 'exited', 'dead'] }))
    const path = `${this.#prefix}/containers/json?all=1&limit=${MAX_STOPPED}&filters=${filters}`
    try {
      return readContainers(await this.#client.get(path, signal, LISTED)).filter(({ runs }) => !runs)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof EngineError) return []
      throw error
    }
  }

  async #aliasesOf(running: readonly ListedContainer[], signal: AbortSignal): Promise<ReadonlyMap<string, Aliases>> {
    const known = new Map<string, Aliases>()
    const unknown: ListedContainer[] = []
    for (const container of running) {
      const key = keyOf(container)
      const aliases = this.#aliases.get(key)
      if (aliases) known.set(key, aliases)
      else unknown.push(container)
    }
    const ask = async () => {
      for (let container = unknown.pop(); container; container = unknown.pop()) {
        const aliases = await this.#inspect(container.id, signal)
        if (aliases) known.set(keyOf(container), aliases)
      }
    }
    await Promise.all(Array.from({ length: INSPECTS_AT_ONCE }, ask))
    this.#aliases = known
    return known
  }

  /** A container can go between the list and the question: that one fails and is asked again next time, if it is still there. */
  async #inspect(id: string, signal: AbortSignal): Promise<Aliases | undefined> {
    try {
      return readAliases(await this.#client.get(`${this.#prefix}/containers/${id}/json`, signal, INSPECTED))
    } catch {
      return undefined
    }
  }
}

function keyOf({ id, endpoints }: ListedContainer): string {
  return `${id} ${endpoints.map(({ endpointId }) => endpointId).sort()}`
}

function isOutward({ name, bridged }: ContainerNetwork): boolean {
  return bridged && name === OUTWARD_NETWORK
}

function toContainer(
  listed: ListedContainer,
  aliases: Aliases | undefined,
  outwardAddresses: readonly string[],
): Container {
  const { id, name, image, labels, unreadLabels, networkOf } = listed
  const endpoints = listed.endpoints.map(({ network, networkId, addresses }) => ({
    ...{ network, networkId, addresses },
    aliases: aliases?.get(networkId) ?? [],
  }))
  const compose = composeOf(labels)
  const unnamed = compose.service !== undefined && !isNamedByCompose(compose.service, labels, endpoints)
  const more = { ...(unreadLabels && { unreadLabels }), ...(networkOf !== undefined && { networkOf }) }
  const outward = outwardAddresses.filter((address) => !endpoints.some(({ addresses }) => addresses.includes(address)))
  const all = { endpoints, ...(outward.length > 0 && { outward }) }
  return { id, name, image, labels, ...compose, ...(unnamed && { unnamed }), ...more, ...all }
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
