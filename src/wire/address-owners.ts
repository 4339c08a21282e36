import { inBlocks } from './ip-block.ts'

/** Networks whose addresses only containers should have: CIDR blocks, and the host's own addresses in them, canonical. */
export interface ContainerBlocks {
  readonly subnets: readonly string[]
  readonly gateways: readonly string[]
}

/** The same with whose the addresses are that containers are known to have; as data, for other threads. */
export interface OwnedAddresses extends ContainerBlocks {
  readonly known: readonly (readonly [address: string, owner: string])[]
}

/** What lies in containers' networks and no container is known to have: one client together. */
export const STRANGERS = 'strangers'

/** In whose name an address takes what each client has a share of. */
export class AddressOwners {
  readonly #ownerKnown: (address: string) => string | undefined
  readonly #inBlocks: (address: string) => boolean
  readonly #gateways: ReadonlySet<string>

  constructor(ownerKnown: (address: string) => string | undefined, { subnets, gateways }: ContainerBlocks) {
    this.#ownerKnown = ownerKnown
    this.#inBlocks = inBlocks(subnets)
    this.#gateways = new Set(gateways)
  }

  /** Each address for itself. */
  static readonly none = new AddressOwners(() => undefined, { subnets: [], gateways: [] })

  static from({ known, ...blocks }: OwnedAddresses): AddressOwners {
    const owners = new Map(known)
    return new AddressOwners((address) => owners.get(address), blocks)
  }

  /** Whether an address lies in one of the networks, and is not the host's own there: only a container should have it. */
  isContainers(address: string): boolean {
    return !this.#gateways.has(address) && this.#inBlocks(address)
  }

  /**
   * The container's name for itself; `STRANGERS` for what lies in the networks and no container is known to have: a container with CAP_NET_RAW, which
   * engines give, can send from every address of its network. Elsewhere each address stands for itself.
   */
  ownerOf(address: string): string {
    return this.#ownerKnown(address) ?? (this.isContainers(address) ? STRANGERS : address)
  }
}
