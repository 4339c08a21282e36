import { EPOLLIN } from '../system/linux/epoll.ts'
import { errno } from '../system/linux/libc.ts'
import { type Endpoint, readSocketAddress, SOCKET_ADDRESS_BYTES } from '../system/linux/socket-address.ts'
import { getSocketName } from '../system/linux/sockets.ts'
import { AddressOwners, type OwnedAddresses } from '../wire/address-owners.ts'
import type { ClientCounts } from './client-counts.ts'
import type { Watcher } from './event-loop.ts'
import type { FrontClient } from './front-client.ts'
import type { FrontClientHost } from './front-client-host.ts'
import { HeldClient, type HeldClientOwner } from './held-client.ts'
import type { HeldSyn, HoldQueue } from './hold-queue.ts'
import type { HoldDoors } from './messages.ts'

/** Reads of the queue in a row before those that are there have their turn. */
const BURST = 64
/** Attempts under way here at once, of one client and of all; what comes beyond is the gateway's door's, which has limits of its own. */
const MAX_OF_A_CLIENT = 256
const MAX_HELD = 2_048
/** Attempts that the door has, remembered so that their repetitions go there too. */
const MAX_GIVEN = 4_096
/** Attempts whose connections have come, remembered for repetitions that were on their way by then. */
const MAX_ARRIVED = 4_096

export interface HeldDoorHost extends Pick<FrontClientHost, 'loop'> {
  /** Makes a client of this door; `undefined`: it has no room, or serves nobody here. */
  enter<C extends FrontClient>(door: number | undefined, make: MakeClient<C>): C | undefined
  /** Whether this client may have one connection more of all that there may be. */
  hasShare(client: string): boolean
  /** For the gateway's door to answer. */
  giveHeld(syn: HeldSyn): void
  holdLost(queue: Pick<HoldQueue, 'hold' | 'descriptor'>, code: number): void
}

export type MakeClient<C> = (id: number, row: number, door: FrontClient['door'], host: FrontClientHost) => C

/** Takes connection attempts out of the kernel's queue, and knows their connections when they come. */
export class HeldDoor implements Watcher, HeldClientOwner {
  readonly #host: HeldDoorHost
  readonly #clients: Pick<ClientCounts, 'add' | 'remove'>
  #queue: HoldQueue | undefined
  #doors: HoldDoors = {}
  readonly #held = new Map<string, HeldClient>()
  #owners = AddressOwners.none
  /** Attempts under way, by client. */
  readonly #shares = new Map<string, number>()
  /** In order of time: the first to come is the first to go. */
  readonly #given = new Set<string>()
  /** Their sequence numbers, in order of time likewise. */
  readonly #arrived = new Map<string, number>()
  readonly #name = new Uint8Array(SOCKET_ADDRESS_BYTES)
  readonly #nameBytes = new Uint32Array(1)

  /** `clients`: those that are here, from their attempt to the end of their connection. */
  constructor(host: HeldDoorHost, clients: Pick<ClientCounts, 'add' | 'remove'>) {
    this.#host = host
    this.#clients = clients
  }

  /** In whose name addresses are, from now on; before it is told, each is a client. */
  own(owned: OwnedAddresses): void {
    this.#owners = AddressOwners.from(owned)
  }

  /** Takes attempts from this queue, and from no other. */
  take(queue: HoldQueue, doors: HoldDoors): void {
    this.letGo()
    this.#queue = queue
    this.#doors = doors
    if (this.#host.loop.watch(queue.descriptor, EPOLLIN, this)) return
    this.#lost(queue, errno())
  }

  /** Its descriptor is the main thread's again, and open until that has heard of it: nobody can take another one for it. */
  #lost(queue: HoldQueue, code: number): void {
    this.#queue = undefined
    queue.left()
    this.#host.loop.forget(queue.descriptor)
    this.#host.holdLost(queue, code)
  }

  letGo(): void {
    const queue = this.#queue
    this.#queue = undefined
    if (!queue) return
    queue.left()
    this.#host.loop.closeShared(queue.descriptor)
  }

  happened(): void {
    for (let read = 0; read < BURST; read += 1) {
      const queue = this.#queue
      if (!queue) return
      let syns: HeldSyn[] | undefined
      try {
        syns = queue.receive()
      } catch (code) {
        this.#lost(queue, code as number)
        return
      }
      if (syns === undefined) return
      for (const syn of syns) this.#begin(syn, queue)
    }
  }

  /** Whether the connection is one that was let in here. */
  arrived(door: number, fd: number, peer: Endpoint | undefined): boolean {
    if (peer === undefined || (this.#doors[4] !== door && this.#doors[6] !== door)) return false
    this.#nameBytes[0] = SOCKET_ADDRESS_BYTES
    const dialled = getSocketName(fd, this.#name, this.#nameBytes) === 0 ? readSocketAddress(this.#name) : undefined
    if (!dialled) return false
    const attempt = keyOf(peer, dialled)
    const client = this.#held.get(attempt)
    if (!client?.awaited) {
      this.#given.delete(attempt)
      return false
    }
    this.#arrived.set(attempt, client.syn.sequence)
    if (this.#arrived.size > MAX_ARRIVED) this.#arrived.delete(this.#arrived.keys().next().value!)
    client.arrived(fd)
    return true
  }

  expectedNoMore({ attempt, client }: HeldClient, given: boolean): void {
    if (given) this.#gave(attempt)
    if (!this.#held.delete(attempt)) return
    const share = this.#shares.get(client)! - 1
    if (share > 0) this.#shares.set(client, share)
    else this.#shares.delete(client)
  }

  left({ client }: HeldClient): void {
    this.#clients.remove(client)
  }

  #begin(syn: HeldSyn, queue: HoldQueue): void {
    const attempt = keyOf(syn.source, syn.dialled)
    const known = this.#held.get(attempt)
    if (known) {
      known.repeated(syn, queue)
      return
    }
    // Its client sent it again just before it heard the answer. The kernel knows what to do with it; to dial again would be a second connection.
    if (this.#arrived.get(attempt) === syn.sequence) {
      queue.accept(syn.packet)
      return
    }
    this.#arrived.delete(attempt)
    const client = this.#owners.ownerOf(syn.source.address)
    const share = this.#shares.get(client) ?? 0
    const hasRoom = this.#held.size < MAX_HELD && share < MAX_OF_A_CLIENT && !this.#given.has(attempt)
    const serves = hasRoom && this.#host.hasShare(client)
    const held = serves
      ? this.#host.enter(this.#doors[syn.dialled.family], (id, row, door, host) => {
          return new HeldClient(id, row, door, host, { attempt, client, syn, queue }, this)
        })
      : undefined
    if (held === undefined) {
      this.#gave(attempt)
      this.#host.giveHeld(syn)
      return
    }
    this.#held.set(attempt, held)
    this.#shares.set(client, share + 1)
    this.#clients.add(client)
    held.start()
  }

  /** The door has it, and will have its repetitions. */
  #gave(attempt: string): void {
    this.#given.add(attempt)
    if (this.#given.size > MAX_GIVEN) this.#given.delete(this.#given.values().next().value!)
  }
}

function keyOf(source: Endpoint, dialled: Endpoint): string {
  return `${source.address} ${source.port} ${dialled.address} ${dialled.port}`
}
