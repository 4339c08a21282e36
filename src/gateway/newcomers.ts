import type { Clock } from '../contracts/clock.ts'
import type { Container, ContainerDirectory, ContainerView } from '../contracts/containers.ts'
import type { RouteQuery } from '../contracts/route.ts'
import { AddressOwners, type ContainerBlocks, type OwnedAddresses } from '../wire/address-owners.ts'
import { hostAddresses } from './host-addresses.ts'
import { identified } from './identified.ts'

export interface NewcomersOptions {
  readonly clock: Clock
  readonly directory: Pick<ContainerDirectory, 'connected' | 'view' | 'byAddress' | 'onChange'> & {
    /** As of `Engine`. */
    onEvent(listener: () => void): void
    readonly isCurrent: boolean
  }
  /** Resolves when what has happened in the engine before the call has been read, or cannot be. */
  refresh(): Promise<void>
  /** Whether what is decided, of this query or of any, may hang on who the client is. Default: it may. */
  matters?(query?: RouteQuery): boolean
  /** Whether a known client may be asking for a container that has just started, and that the engine has not told of. */
  seeksNewcomer?(query: RouteQuery): boolean
  /** This machine's own, canonical. Default: as the system says. */
  hostAddresses?(): readonly string[]
}

/** Milliseconds that a flow waits for the engine's word. A container speaks before the engine calls it running: a moment on a quiet machine. */
const WAIT_MS = 2_000
/** Milliseconds where it is only for the log. */
const WAIT_FOR_LOG_MS = 250
/** Milliseconds between looks; more than one reading of the engine is not made in that time. */
const LOOK_MS = 50
/**
 * Milliseconds for which an address that the engine knew nothing of is not waited for again, unless something changes in the engine before: it is a
 * step of a build, or one that a container has given itself, and will not become known.
 */
const STRANGE_MS = 60_000
/** Addresses looked for at once, and remembered as strange: anybody can send from any address of a network. Those beyond wait for what the others find. */
const MAX_ADDRESSES = 1_024

/** Of a view's networks. */
interface Owners {
  readonly all: AddressOwners
  readonly bridged: AddressOwners
  /** Of the bridged ones. */
  readonly unread: AddressOwners
}

/**
 * Containers that have just started: a rule for a container must hold for its first connection too, which comes before the engine's word of it. A
 * client with an address in one of the engine's networks that no container is known to have is waited for.
 */
export class Newcomers {
  readonly #options: NewcomersOptions
  /** By address; since when (monotonic ms). */
  readonly #waiting = new Map<string, { readonly since: number; readonly over: Promise<void> }>()
  /** Until when (monotonic ms), oldest first. */
  readonly #strange = new Map<string, number>()
  /** Of the view it was made from. */
  #lastHostAddresses: readonly string[] = []
  #owners: (Owners & { readonly of: ContainerView }) | undefined
  #owned: { readonly of: ContainerView; readonly owned: OwnedAddresses } | undefined

  constructor(options: NewcomersOptions) {
    this.#options = options
    // A container may be about to start at an address that somebody had who ended before the engine could say so, or that somebody else has used.
    options.directory.onChange(() => this.#strange.clear())
    options.directory.onEvent(() => this.#strange.clear())
  }

  /** The flow with the container that its client is, as soon as that is known; nothing is waited for where it cannot become known. */
  identified<F extends RouteQuery>(flow: F): F | Promise<F> {
    const { address, container } = flow.client
    if (address === undefined) return flow
    if (container) return this.#sought(flow)
    const { directory } = this.#options
    const known = identified(flow, directory)
    if (known !== flow) return this.#sought(known)
    if (!this.#mayBecomeKnown(address, this.#matters())) return known
    return this.#waitFor(address, this.#matters(flow)).then(() => identified(flow, directory))
  }

  /** Where something has happened in the engine that it has not told, and that may be the start of whom the flow is for: as soon as it has. */
  #sought<F extends RouteQuery>(flow: F): F | Promise<F> {
    const { directory, clock, refresh, seeksNewcomer } = this.#options
    if (!directory.connected || directory.isCurrent || !seeksNewcomer?.(flow)) return flow
    return new Promise((resolve) => {
      const cancel = clock.after(WAIT_MS, () => resolve(flow))
      const told = () => {
        cancel()
        resolve(flow)
      }
      refresh().then(told, told)
    })
  }

  /** The container with an address, as soon as that is known; undefined where there is none. */
  at(address: string): Container | undefined | Promise<Container | undefined> {
    const { directory } = this.#options
    const known = directory.byAddress(address)
    return known || !this.#mayBecomeKnown(address)
      ? known
      : this.#wait(address).over.then(() => directory.byAddress(address))
  }

  /**
   * Whether what was decided for this client, a container or none that was known, holds for whoever has the address now. One that has become known only
   * since is no other where nothing asks who the client is; who was refused may have been so for being unknown.
   */
  isStill(query: RouteQuery, decided?: 'refused'): boolean {
    const { container, address } = query.client
    if (address === undefined) return true
    const now = this.#options.directory.byAddress(address)
    return container?.id === now?.id || (!container && decided !== 'refused' && !this.#matters(query))
  }

  /**
   * Whether an address lies in one of the networks that the engine had when it was last seen, and whose it is cannot be told, for a flow that has been
   * `identified`: the engine is away, has not told who is in the network, or something has happened in it that it has not told in that time.
   */
  isUncertain(address: string): boolean {
    const { directory, clock } = this.#options
    if (!this.isContainers(address) || directory.byAddress(address)) return false
    if (!directory.connected || this.#read().unread.isContainers(address)) return true
    return !directory.isCurrent && (this.#strange.get(address) ?? 0) <= clock.monotonic()
  }

  /** As of `AddressOwners`, of the networks behind the engine's bridges: the block of a macvlan is the LAN's. */
  isContainers(address: string): boolean {
    return this.#read().bridged.isContainers(address)
  }

  /** In whose name an address takes places of which each client has a share: see `AddressOwners`. */
  ownerOf(address: string): string {
    return this.#read().bridged.ownerOf(address)
  }

  /** What `ownerOf` knows now, for other threads; it changes with the directory, and is the same object until then. */
  get owned(): OwnedAddresses {
    const view = this.#options.directory.view()
    if (this.#owned?.of !== view) this.#owned = { of: view, owned: this.#ownedIn(view) }
    return this.#owned.owned
  }

  #ownedIn(view: ContainerView): OwnedAddresses {
    const { directory } = this.#options
    const addresses = view.containers.flatMap(({ endpoints, outward = [] }) => [
      ...endpoints.flatMap((endpoint) => endpoint.addresses),
      ...outward,
    ])
    const known = addresses.flatMap((address) => {
      const container = directory.byAddress(address)
      return container ? [[address, container.id] as const] : []
    })
    return { known, ...this.#blocksOf(view.networks.filter(tellsAddresses)) }
  }

  /** `whenBack`: also while the engine is away, as it is for a moment when it starts anew. */
  #mayBecomeKnown(address: string, whenBack = false): boolean {
    const { directory, clock } = this.#options
    if (!directory.connected && !whenBack) return false
    const { all, bridged } = this.#read()
    if (!(directory.connected ? all : bridged).isContainers(address)) return false
    return (this.#strange.get(address) ?? 0) <= clock.monotonic()
  }

  /** For a flow: where nothing is decided by who it is, the log may lack it, and the flow hurries. */
  #waitFor(address: string, matters: boolean): Promise<void> {
    const { clock } = this.#options
    const { since, over } = this.#wait(address)
    if (matters) return over
    return Promise.race([over, pause(clock, Math.max(0, since + WAIT_FOR_LOG_MS - clock.monotonic()))])
  }

  #wait(address: string): { readonly since: number; readonly over: Promise<void> } {
    const known = this.#waiting.get(address)
    if (known) return known
    const since = this.#options.clock.monotonic()
    if (this.#waiting.size >= MAX_ADDRESSES) return { since, over: this.#waitBeside(address) }
    const over = this.#look(address).finally(() => this.#waiting.delete(address))
    const waiting = { since, over }
    this.#waiting.set(address, waiting)
    return waiting
  }

  /** While others look, and more of them than are looked for. Bounded by whoever waits: attempts, flows and questions have limits of their own. */
  #waitBeside(address: string): Promise<void> {
    const { clock, directory } = this.#options
    return new Promise((resolve) => {
      const over = () => {
        unfollow()
        cancel()
        resolve()
      }
      const cancel = clock.after(WAIT_MS, over)
      const unfollow = directory.onChange(() => {
        if (directory.byAddress(address)) over()
      })
    })
  }

  async #look(address: string): Promise<void> {
    const { clock, directory, refresh } = this.#options
    let isOver = false
    let cancel = () => {}
    const over = new Promise<void>((resolve) => {
      cancel = clock.after(WAIT_MS, () => {
        isOver = true
        resolve()
      })
    })
    const isKnown = () => directory.byAddress(address) !== undefined
    let isTold = false
    let looked: Promise<void> | undefined
    while (!isOver && !isKnown() && (directory.connected || this.#matters())) {
      looked = refresh().then(() => {
        isTold ||= directory.connected
      })
      await Promise.race([looked.then(() => pause(clock, LOOK_MS)), over])
    }
    cancel()
    const note = () => {
      if (isTold && directory.isCurrent && !isKnown()) this.#holdStrange(address)
    }
    // The word of a slow engine comes too late for this flow, and counts for the next.
    if (isTold) note()
    else void looked?.then(note)
  }

  #holdStrange(address: string): void {
    const { clock } = this.#options
    this.#strange.delete(address)
    this.#strange.set(address, clock.monotonic() + STRANGE_MS)
    for (const oldest of this.#strange.keys()) if (this.#strange.size > MAX_ADDRESSES) this.#strange.delete(oldest)
  }

  #matters(query?: RouteQuery): boolean {
    return this.#options.matters?.(query) ?? true
  }

  #read(): Owners {
    const { directory } = this.#options
    const view = directory.view()
    if (this.#owners?.of !== view) {
      const ownersIn = (networks: ContainerView['networks']) =>
        new AddressOwners((address) => directory.byAddress(address)?.id, this.#blocksOf(networks))
      const bridged = view.networks.filter(tellsAddresses)
      const unread = bridged.filter((network) => network.unread)
      this.#owners = { of: view, all: ownersIn(view.networks), bridged: ownersIn(bridged), unread: ownersIn(unread) }
    }
    return this.#owners
  }

  /** Those read last, where they cannot be read now, as for want of descriptors. */
  #hostAddresses(): readonly string[] {
    try {
      this.#lastHostAddresses = (this.#options.hostAddresses ?? hostAddresses)()
    } catch {}
    return this.#lastHostAddresses
  }

  #blocksOf(networks: ContainerView['networks']): ContainerBlocks {
    return {
      subnets: networks.flatMap(({ subnets }) => subnets),
      // A network that was made with a block and no gateway has one that the engine does not tell.
      gateways: [...networks.flatMap(({ gateways }) => gateways), ...this.#hostAddresses()],
    }
  }
}

function tellsAddresses({ bridged, untold }: ContainerView['networks'][number]): boolean {
  return bridged && !untold
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve)
  })
}
