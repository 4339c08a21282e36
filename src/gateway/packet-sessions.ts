import type { Clock } from '../contracts/clock.ts'
import type { HandlePackets, PacketClient } from '../contracts/packet.ts'
import {
  DRAIN_IDLE_MS,
  DRAIN_SWEEP_MS,
  FLOWS,
  FLOWS_PER_CLIENT,
  FLOWS_PER_SESSION,
  MAKE_WAY_IDLE_MS,
  MAKE_WAY_MS,
  SESSIONS,
  SESSIONS_PER_CLIENT,
  SWEEP_MS,
} from './packet-limits.ts'
import { Session, type SessionParts } from './packet-session.ts'

export interface PacketSessionsOptions
  extends Pick<SessionParts, 'records' | 'current' | 'nextId' | 'identified' | 'isStill' | 'dropped'> {
  readonly clock: Clock
  /** In whose name a client of this address takes its places. */
  ownerOf(address: string): string
  /** Client sockets at once; default: what the limits say. */
  readonly places?: UdpPlaces
  /** Datagrams of this client are dropped, for it has every place that one client may have, or all are taken. */
  crowded(address: string): void
}

/** How many client sockets there may be. */
export interface UdpPlaces {
  readonly all: number
  readonly ofAClient: number
}

/** Every client socket whose datagrams the gateway carries, and how much they hold together. */
export class PacketSessions {
  readonly #options: PacketSessionsOptions
  /** With in whose name each has its place. */
  readonly #sessions = new Map<Session, string>()
  readonly #flows = new PlaceCount(FLOWS, FLOWS_PER_CLIENT)
  readonly #sockets: PlaceCount
  #cancelSweep: (() => void) | undefined
  #madeWayAt = Number.NEGATIVE_INFINITY
  #draining = false

  constructor(options: PacketSessionsOptions) {
    this.#options = options
    const { all, ofAClient } = options.places ?? { all: SESSIONS, ofAClient: SESSIONS_PER_CLIENT }
    this.#sockets = new PlaceCount(all, ofAClient)
  }

  get flows(): number {
    return this.#flows.taken
  }

  get size(): number {
    return this.#sessions.size
  }

  readonly open: HandlePackets = (client: PacketClient) => {
    if (this.#draining) return undefined
    const owner = this.#options.ownerOf(client.client.address ?? '')
    if (!this.#sockets.take(owner)) return this.#turnAway(owner, client)
    const { clock } = this.#options
    const parts: SessionParts = {
      ...this.#options,
      now: () => clock.monotonic(),
      takePlace: () => {
        const taken = this.#flows.take(owner)
        if (!taken) this.#turnAway(owner, client)
        return taken
      },
      leavePlace: () => this.#flows.leave(owner),
    }
    const session = new Session(client, parts, FLOWS_PER_SESSION, () => {
      this.#sessions.delete(session)
      this.#sockets.leave(owner)
    })
    this.#sessions.set(session, owner)
    this.#cancelSweep ??= this.#sweepLater()
    return session
  }

  /** Takes no new client sockets, and ends flows as soon as they fall silent. */
  drain(): void {
    this.#draining = true
    this.#cancelSweep?.()
    this.#cancelSweep = this.#sweepLater()
  }

  close(): void {
    this.#draining = true
    for (const session of this.#sessions.keys()) session.close()
    this.#cancelSweep?.()
  }

  /** What of its owner's has been silent for a while makes way for the next attempt. */
  #turnAway(owner: string, { client }: PacketClient): undefined {
    this.#options.crowded(client.address ?? '')
    const now = this.#options.clock.monotonic()
    if (now - this.#madeWayAt < MAKE_WAY_MS) return
    this.#madeWayAt = now
    for (const [session, its] of this.#sessions) if (its === owner) session.sweep(MAKE_WAY_IDLE_MS)
  }

  #sweepLater(): () => void {
    return this.#options.clock.after(this.#draining ? DRAIN_SWEEP_MS : SWEEP_MS, () => {
      for (const session of this.#sessions.keys()) session.sweep(this.#draining ? DRAIN_IDLE_MS : undefined)
      this.#cancelSweep = this.#sessions.size > 0 ? this.#sweepLater() : undefined
    })
  }
}

/** How many of something are taken, in all and by each client. */
class PlaceCount {
  readonly #limit: number
  readonly #ownLimit: number
  readonly #byOwner = new Map<string, number>()
  taken = 0

  constructor(limit: number, ownLimit: number) {
    this.#limit = limit
    this.#ownLimit = ownLimit
  }

  take(owner: string): boolean {
    const count = this.#byOwner.get(owner) ?? 0
    if (this.taken >= this.#limit || count >= this.#ownLimit) return false
    this.#byOwner.set(owner, count + 1)
    this.taken += 1
    return true
  }

  leave(owner: string): void {
    const count = this.#byOwner.get(owner) ?? 0
    if (count > 1) this.#byOwner.set(owner, count - 1)
    else this.#byOwner.delete(owner)
    this.taken -= 1
  }
}
