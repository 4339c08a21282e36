import type { Container, ContainerView } from '../contracts/containers.ts'
import type { EngineEvent } from './event-reader.ts'

const EVERYBODY = ''
const ALL = ''

/** Networks' ids by containers' ids. */
type Losses = Map<string, Set<string>>

/**
 * Addresses that containers have lost, as far as events say, until a reading shows it that began after them: the next container may have one before that,
 * and must not be taken for the one before.
 */
export class LostAddresses {
  /** The reading under way shows these, and the next one those. */
  #before: Losses = new Map()
  #since: Losses = new Map()

  /** `view`: the one that shows the addresses. */
  heard(event: EngineEvent, view: ContainerView): void {
    if (!event) this.#lost(EVERYBODY, ALL)
    else if (event.type === 'container' && event.action === 'die') this.#lost(event.id ?? EVERYBODY, ALL)
    else if (event.type === 'network' && event.action === 'disconnect') {
      const { container, network } = leaving(event, view)
      this.#lost(container ?? EVERYBODY, network ?? ALL)
    }
  }

  /** A reading begins. */
  reading(): void {
    for (const [container, networks] of this.#since) {
      for (const network of networks) add(this.#before, container, network)
    }
    this.#since = new Map()
  }

  /** It has come to something; answers whether there was something lost for it to show. */
  read(): boolean {
    const { size } = this.#before
    this.#before = new Map()
    return size > 0
  }

  has({ id, endpoints }: Container, address: string): boolean {
    if (this.#before.size === 0 && this.#since.size === 0) return false
    // One that it only goes out by is in none of them, and may go with any.
    const inNetwork = endpoints.find(({ addresses }) => addresses.includes(address))?.networkId
    return [this.#before, this.#since].some((losses) =>
      [id, EVERYBODY].some((one) => {
        const networks = losses.get(one)
        return networks && (inNetwork === undefined || networks.has(ALL) || networks.has(inNetwork))
      }),
    )
  }

  #lost(container: string, network: string): void {
    add(this.#since, container, network)
  }
}

/** Who leaves which network, as ids; Podman tells of the container, and calls the network by its name. */
function leaving({ id, container, network }: NonNullable<EngineEvent>, { networks, containers }: ContainerView) {
  const known = networks.find((one) => one.id === id) ?? networks.find(({ name }) => name === network)
  const who = container ?? containers.find((one) => one.id === id)?.id
  return { container: who, network: known?.id }
}

function add(losses: Losses, container: string, network: string): void {
  const networks = losses.get(container) ?? new Set()
  losses.set(container, networks.add(network))
}
