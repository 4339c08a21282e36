import type { OwnedAddresses } from '../../wire/address-owners.ts'

/** What the main thread and the datagram thread tell each other. Bytes of a batch lie one after the other in one buffer, which is handed over. */
export interface WorkerData {
  /** Transparent UDP sockets; the thread reads them, the main thread closes them. */
  readonly sockets: readonly number[]
  /** Kept open at once, for answers. */
  readonly replySockets: number
  /** `POSTED` bytes, see below. */
  readonly counts: SharedArrayBuffer
}

/** A datagram on its way between a client and a far side; addresses are canonical. `end` is where its bytes end in the batch's buffer. */
export interface Carried {
  readonly client: string
  readonly clientPort: number
  readonly far: string
  readonly farPort: number
  readonly end: number
}

export type FromWorker =
  | { readonly kind: 'ready'; readonly wakeDescriptor: number; readonly tellsUnreachable: boolean }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'datagrams'; readonly carried: readonly Carried[]; readonly bytes: Uint8Array }

export type ToWorker =
  | { readonly kind: 'replies'; readonly carried: readonly Carried[]; readonly bytes: Uint8Array }
  | { readonly kind: 'unreachable'; readonly ends: readonly Omit<Carried, 'end'>[] }
  | { readonly kind: 'owned'; readonly owned: OwnedAddresses }
  | { readonly kind: 'close' }

/** Places in the shared counts: bytes that one side has posted and the other has not yet dealt with. */
export const POSTED = { up: 0, down: 1 } as const
/**
 * And datagrams that were lost: on their way up, as they came faster than the main thread took them; and down, as the system did not take them, or as
 * somebody else has the port that they must come from.
 */
export const LOST = { up: 2, unsent: 3, 'port-taken': 4 } as const
/** The last such port. */
export const TAKEN_PORT = 5
export const COUNTS = 6
/**
 * Bytes posted to the main thread, beyond which they wait at the datagram thread, where clients take turns: what is posted is dealt with in the order
 * of its coming, and some hundred questions of one client are a tenth of a second.
 */
export const MAX_UP = 128 * 1024
/** A datagram's share of it beyond its bytes: deciding and answering cost more than moving them. */
export const TURN_COST = 1024
/** Bytes that wait there at most. */
export const MAX_WAITING = 8 * 1024 * 1024
/** Milliseconds after which a datagram is not carried any more: DNS clients ask again after 2 to 5 s, and what is not asked any more is not answered. */
export const MAX_AGE_MS = 2_000
/** Bytes on their way to the clients beyond which replies are dropped. */
export const MAX_DOWN = 8 * 1024 * 1024
/** A datagram's share of that limit beyond its bytes: so empty ones count too. */
export const DATAGRAM_COST = 256
