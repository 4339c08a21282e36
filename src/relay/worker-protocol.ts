/**
 * What the main thread and a relay worker tell each other. Numbers that only grow go through shared memory instead, one row a tunnel,
 * so that counting costs no message and the limits can be looked after where the clock is.
 */
export type ToWorker =
  /** Move bytes between two descriptors. The worker borrows them: until it says `ended`, nobody else may touch or close them. */
  | { readonly kind: 'add'; readonly row: number; readonly client: Lent; readonly upstream: Lent }
  /** Give the descriptors back as they are; answered with `ended`. */
  | { readonly kind: 'release'; readonly row: number }
  | { readonly kind: 'close' }

/** A descriptor, and bytes that had been read from it before and must come first. */
export interface Lent {
  readonly fd: number
  readonly early: Uint8Array | undefined
}

export type FromWorker =
  | { readonly kind: 'ready'; readonly wakeDescriptor: number }
  | { readonly kind: 'unusable'; readonly reason: string }
  /** A side broke after its FIN; the other is still being served, for LINGER_MS. May be said twice. */
  | { readonly kind: 'lingering'; readonly row: number; readonly side: Side }
  /** The client broke off; what it said before is still being delivered, as long as it moves within ABANDONED_MS. */
  | { readonly kind: 'abandoned'; readonly row: number }
  /**
   * The descriptors are the main thread's again. `told`: the side that has been sent all that is for it, and FIN, and whose partner broke then; a reset would
   * destroy what is still on its way.
   */
  | { readonly kind: 'ended'; readonly row: number; readonly how: WorkerEnd; readonly told: Side | undefined }

export type Side = 'client' | 'upstream'
export type WorkerEnd = 'finished' | 'client-reset' | 'upstream-reset' | 'released'

export interface WorkerData {
  /** MAX_TUNNELS rows of Float64, ROW wide. */
  readonly rows: SharedArrayBuffer
  /** Threads among which the pipes are divided. */
  readonly pipeSharers: number
}

/** Most tunnels of one worker; what comes beyond is relayed portably. Sets the size of the shared table: 2 MiB, touched as it is used. */
export const MAX_TUNNELS = 65_536

export const ROW = 4
export const BYTES_UP = 0
export const BYTES_DOWN = 1
/** FINs passed on: no bytes, but activity. */
export const FINS = 2
/** Milliseconds from taking over to the upstream's first byte; -1 while there is none. */
export const FIRST_BYTE_MS = 3
