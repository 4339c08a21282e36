import { isFairShare } from '../contracts/fair-share.ts'
import type { ClientCounts } from './client-counts.ts'
import type { DoorRules } from './messages.ts'

/** A door, as far as its places go. */
interface Placed {
  readonly number: number
  readonly rules: Pick<DoorRules, 'captured' | 'maxConnections'>
}

/** Who has a place here: so many at each door, and of the captured ones a share for each client. */
export class Places {
  /** See `FrontMemory`. */
  readonly #connections: Int32Array
  readonly #own: Int32Array
  /** Of captured connections, and of attempts that are to become some. */
  readonly clients: ClientCounts

  constructor(connections: Int32Array, own: Int32Array, clients: ClientCounts) {
    this.#connections = connections
    this.#own = own
    this.clients = clients
  }

  /** False: there is none left. Two threads that want the last one do not both get it. */
  take(door: Placed): boolean {
    const at = door.number * 2
    for (;;) {
      const taken = Atomics.load(this.#connections, at)
      if (taken + Atomics.load(this.#connections, at + 1) >= door.rules.maxConnections) return false
      if (Atomics.compareExchange(this.#connections, at, taken, taken + 1) === taken) break
    }
    Atomics.add(this.#own, door.number, 1)
    return true
  }

  free({ number }: Placed): void {
    Atomics.sub(this.#own, number, 1)
    Atomics.sub(this.#connections, number * 2, 1)
  }

  isFull(door: Placed): boolean {
    return this.#at(door) >= door.rules.maxConnections
  }

  /** Whether a client may have one captured connection more. */
  hasShare(client: string, doors: Iterable<Placed>): boolean {
    let all = 0
    let limit = 0
    for (const door of doors) {
      if (!door.rules.captured) continue
      all += this.#at(door)
      limit = door.rules.maxConnections
    }
    return isFairShare(this.clients.of(client) + 1, all + 1, limit)
  }

  /** Here, in the other threads, and at the gateway's own door. */
  #at({ number }: Placed): number {
    return Atomics.load(this.#connections, number * 2) + Atomics.load(this.#connections, number * 2 + 1)
  }
}
