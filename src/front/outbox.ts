import type { Endpoint } from '../system/linux/socket-address.ts'
import type { HeldSyn } from './hold-queue.ts'
import { type Batch, ENDS, type End, type Gift } from './messages.ts'
import { PROTOCOLS, type Wish } from './opening.ts'

/**
 * Milliseconds that news may wait which nobody waits for: that tunnels stand and have ended. A busy front then wakes the main thread for the
 * questions only, and a quiet one keeps `status` right to within this.
 */
export const UNHURRIED_MS = 25
/** News kept back at most. */
const UNHURRIED_ITEMS = 512

/** What a client wants, as far as a decision goes. */
export type Asked = Pick<Wish, 'protocol' | 'target'>

/** What the front has to tell, gathered so that each turn of its loop costs at most one message. */
export class Outbox {
  readonly #post: (batch: Batch) => void
  #asks: (number | string)[] = []
  #begun: number[] = []
  #stands: number[] = []
  #ends: number[] = []
  #gone: number[] = []
  #failed: (number | string)[] = []
  #gifts: Gift[] = []
  #dropped: (number | string)[] = []
  #troubles: number[] = []
  #forgotten: number[] = []
  #held: (number | string)[] = []
  #items = 0
  #hurry = false
  #since = 0

  constructor(post: (batch: Batch) => void) {
    this.#post = post
  }

  ask(client: number, door: number, { protocol, target }: Asked, peer: Endpoint, row: number, at: number): void {
    const { host, family, port } = target
    const place = PROTOCOLS.indexOf(protocol)
    this.#asks.push(client, door, place, host, family, port, peer.address, peer.port, row, at)
    this.#hurry = true
  }

  begun(client: number, decision: number, { protocol }: Asked, clientPort: number, row: number, at: number): void {
    this.#begun.push(client, decision, PROTOCOLS.indexOf(protocol), clientPort, row, at)
    this.#note(at)
  }

  forgotten(decision: number, at: number): void {
    this.#forgotten.push(decision)
    this.#note(at)
  }

  stands(client: number, at: number): void {
    this.#stands.push(client, at)
    this.#note(at)
  }

  ended(client: number, how: End, up: number, down: number, firstByteMs: number, at: number): void {
    this.#ends.push(client, ENDS.indexOf(how), up, down, firstByteMs, at)
    this.#note(at)
  }

  gone(client: number): void {
    this.#gone.push(client)
    this.#hurry = true
  }

  failed(client: number, address: string, error: number, at: number): void {
    this.#failed.push(client, address, error)
    this.#note(at)
  }

  give(gift: Gift): void {
    this.#gifts.push(gift)
    this.#hurry = true
  }

  /** `client`: -1 where nobody has been asked about it. */
  giveHeld(client: number, { hold, packet, sequence, source, dialled }: HeldSyn): void {
    const { address, family, port } = dialled
    this.#held.push(client, hold, packet, sequence, source.address, source.port, address, family, port)
    this.#hurry = true
  }

  dropped(door: number, address: string): void {
    this.#dropped.push(door, address)
    this.#hurry = true
  }

  trouble(door: number, error: number): void {
    this.#troubles.push(door, error)
    this.#hurry = true
  }

  /** Milliseconds until something must be told; `undefined` when there is nothing to tell. */
  due(now: number): number | undefined {
    if (this.#hurry) return 0
    return this.#items === 0 ? undefined : Math.max(0, this.#since + UNHURRIED_MS - now)
  }

  /** Tells everything, if something is due. */
  flush(now: number): void {
    if (!this.#hurry && this.#items < UNHURRIED_ITEMS && this.due(now) !== 0) return
    this.flushAll()
  }

  flushAll(): void {
    if (!this.#hurry && this.#items === 0) return
    this.#post({
      kind: 'batch',
      asks: this.#asks,
      begun: this.#begun,
      stands: this.#stands,
      ends: this.#ends,
      gone: this.#gone,
      failed: this.#failed,
      gifts: this.#gifts,
      dropped: this.#dropped,
      troubles: this.#troubles,
      forgotten: this.#forgotten,
      held: this.#held,
    })
    // The message is a copy, so the lists can be used again.
    this.#asks.length = 0
    this.#begun.length = 0
    this.#stands.length = 0
    this.#ends.length = 0
    this.#gone.length = 0
    this.#failed.length = 0
    this.#gifts.length = 0
    this.#dropped.length = 0
    this.#troubles.length = 0
    this.#forgotten.length = 0
    this.#held.length = 0
    this.#items = 0
    this.#hurry = false
  }

  #note(at: number): void {
    if (this.#items === 0) this.#since = at
    this.#items += 1
  }
}
