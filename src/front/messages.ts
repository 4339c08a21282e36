import type { OwnedAddresses } from '../wire/address-owners.ts'
import type { ClientCountsMemory } from './client-counts.ts'

/** What the gateway's main thread and the front tell each other. What comes with every client is in flat lists, for those cross cheapest. */
export type ToFront =
  /** Take clients from a listening descriptor, which is the front's from here on; answered by `opened`. */
  | { readonly kind: 'open'; readonly door: number; readonly descriptor: number; readonly rules: DoorRules }
  /** Other rules for the clients to come. */
  | { readonly kind: 'rules'; readonly door: number; readonly rules: DoorRules }
  /** Another thread has died that took clients from the same sockets, perhaps when it had been told of some: take those. */
  | { readonly kind: 'look' }
  /** No new clients; those that are there go on. */
  | { readonly kind: 'shut'; readonly door: number }
  /**
   * For each client asked about: its number, the decision's number, the epoch in which it was made, how many addresses, and the addresses to try in
   * turn. No address: give the client to the doors. The decision is -1 where it holds for nobody else; see `DecisionCache`.
   */
  | { readonly kind: 'answers'; readonly answers: readonly (number | string)[] }
  /**
   * Take connection attempts from a queue of the kernel, by this descriptor, which is the front's from here on, and let them in with this mark; by
   * the door of their family. In the place of the queue before.
   */
  | ({ readonly kind: 'hold' } & Hold)
  /** In whose name addresses are, from now on. */
  | { readonly kind: 'owned'; readonly owned: OwnedAddresses }
  /** Take no more. */
  | { readonly kind: 'let-go' }
  /** End every client. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'close' }

/** A queue in which attempts wait. */
export interface Hold {
  /** The gateway's own number of it: what is said of a packet is said together with it, for each queue counts its packets anew. */
  readonly hold: number
  readonly descriptor: number
  /** The kernel's number of it. */
  readonly queue: number
  /** Of what is let in. */
  readonly mark: number
  readonly doors: HoldDoors
}

/** Which door takes the connections that are let in, by family. */
export type HoldDoors = Readonly<Partial<Record<4 | 6, number>>>

/** What the front must know of a door. Sizes in bytes, times in milliseconds, 0 for no limit. */
export interface DoorRules {
  /** False: every client goes straight to the doors. */
  readonly serves: boolean
  /** Its clients say nothing for the gateway: the kernel holds their attempts. Whoever comes without one is the doors'. */
  readonly captured: boolean
  /** Address blocks that clients must come from; those from elsewhere go to the doors, to be refused. Empty: from anywhere. */
  readonly from: readonly string[]
  readonly maxConnections: number
  readonly maxHeadBytes: number
  readonly pseudonym: string
  readonly idleMs: number
  readonly lifetimeMs: number
  /** What the dialers give a way out, all in all. */
  readonly dialMs: number
  /** See `PATIENCE_MS`. */
  readonly patienceMs: number
}

/**
 * Milliseconds that anything may take before a client is given to the doors, which have limits and words for everything: its first bytes, the
 * decision, the connection. An unanswered SYN is sent again after one second; where there is little time, the dialers begin anew a little before.
 */
export const PATIENCE_MS = 900

export type FromFront =
  /** `clockOrigin`: see `clockOrigin()`, for the front's clock. */
  | { readonly kind: 'ready'; readonly wakeDescriptor: number; readonly clockOrigin: number }
  | { readonly kind: 'unusable'; readonly reason: string }
  /** Takes clients. If it is not watched, the descriptor is the main thread's again, and the door must go on without. */
  | { readonly kind: 'opened'; readonly door: number; readonly watched: boolean }
  | HoldLost
  | Batch

/** The queue cannot be read any more: an error number. The descriptor is left open, and is the main thread's again. */
export interface HoldLost {
  readonly kind: 'hold-lost'
  readonly hold: number
  readonly descriptor: number
  readonly code: number
}

/** All that has happened in some turns of the front's loop. Times are of the front's own clock. */
export interface Batch {
  readonly kind: 'batch'
  /** ASK values a client: number, door, place in PROTOCOLS, host, family, port, client address, client port, row, when. */
  readonly asks: readonly (number | string)[]
  /** BEGUN values a client that is served by a decision known already: number, decision, place in PROTOCOLS, client port, row, when. */
  readonly begun: readonly number[]
  /** STAND values a tunnel: number, when. */
  readonly stands: readonly number[]
  /** END values a tunnel: number, place in ENDS, bytes up, bytes down, ms to the first byte or -1, when. */
  readonly ends: readonly number[]
  /** Numbers of clients that left before their tunnel stood. */
  readonly gone: readonly number[]
  /** FAILED values an address that was connected to in vain: number of the client, address, error number. */
  readonly failed: readonly (number | string)[]
  readonly gifts: readonly Gift[]
  /** Decisions that no later client will be served by. */
  readonly forgotten: readonly number[]
  /**
   * HELD values an attempt that the doors have to answer: number of the client or -1, number of the queue (`Hold.hold`), packet, its sequence number, source, its port,
   * dialled address, its family, its port.
   */
  readonly held: readonly (number | string)[]
  /** Door and address of clients that were too many. */
  readonly dropped: readonly (number | string)[]
  /** Door and error number of accept. */
  readonly troubles: readonly number[]
}

export const ASK = 10
export const BEGUN = 6
/** Values of an answer before its addresses. */
export const ANSWER = 4
export const STAND = 2
export const END = 6
export const FAILED = 3
export const HELD = 9

export const ENDS = ['finished', 'client-reset', 'upstream-reset', 'idle', 'lifetime', 'aborted'] as const
export type End = (typeof ENDS)[number]

/** A client that is the doors' from here on. */
export interface Gift {
  /** Absent: it had not been asked about. */
  readonly client: number | undefined
  readonly door: number
  readonly descriptor: number
  /** What it has said so far. */
  readonly bytes: Uint8Array | undefined
  /** Bytes of the answer that it has been sent already. */
  readonly answered: number
}

/** What a thread shares with the main thread, each its own. */
export interface FrontMemory extends FrontsMemory {
  /** Float64, ROW wide, a row for each client: what the relay's tunnel counts there. */
  readonly rows: SharedArrayBuffer
  /** Int32, two for each row: the descriptors that the front has, 0 for none; for whoever must close them if the thread dies. */
  readonly descriptors: SharedArrayBuffer
  /** Int32, one for each door: the thread's descriptor of the listening socket, from before it is told of the door until right before it closes it; 0: none. */
  readonly listening: SharedArrayBuffer
  /** Int32, one for each door: of the clients of all threads, this one's. */
  readonly own: SharedArrayBuffer
}

/** What all of them share. */
export interface FrontsMemory {
  /** That take clients by the same doors. */
  readonly threads: number
  /** Among which the pipes of the process are divided. */
  readonly pipeSharers: number
  /** Int32, two for each door: clients that the threads have, and those that the doors have. */
  readonly connections: SharedArrayBuffer
  /** Captured connections by client, of the front and of the doors. */
  readonly clients: ClientCountsMemory
  /** Int32: the number of the epoch; see `DecisionCache`. */
  readonly epoch: SharedArrayBuffer
}

/** Clients that all threads have at once, each its part of them; what comes beyond goes to the doors. Sets the size of the shared tables, touched as they are used. */
export const MAX_CLIENTS = 65_536
/** Doors that the front serves in its life, those that a reload opens and shuts included; further ones serve themselves. */
export const MAX_DOORS = 1024
