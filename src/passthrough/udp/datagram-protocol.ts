/** What the main thread and the datagram thread tell each other. Bytes of a batch lie one after the other in one buffer, which is handed over. */
export interface WorkerData {
  /** Transparent UDP sockets; the thread reads them, the main thread closes them. */
  readonly sockets: readonly number[]
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
  | { readonly kind: 'close' }

/** Places in the shared counts: bytes that one side has posted and the other has not yet dealt with. */
export const POSTED = { up: 0, down: 1 } as const
/** Bytes on their way to the main thread beyond which sockets are left unread: what the kernel's buffers then lose, a network would. */
export const MAX_UP = 8 * 1024 * 1024
/** Bytes on their way to the clients beyond which replies are dropped. */
export const MAX_DOWN = 8 * 1024 * 1024
/** A datagram's share of those limits beyond its bytes: so empty ones count too. */
export const DATAGRAM_COST = 256
