import type { PacLimits } from './limits.ts'
import type { Job } from './pac-vm.ts'
import type { DnsEntry, Notes, VmOutcome } from './vm-outcome.ts'

/** Handed to the thread when it is made. One thread serves one script. */
export interface WorkerSetup {
  readonly script: string
  readonly limits: PacLimits
  /** Compiled once for all threads. */
  readonly wasm: WebAssembly.Module
  /** What the two threads see of each other at once; cells below. */
  readonly state: Int32Array<SharedArrayBuffer>
}
/** The number of the job that is being evaluated; 0: none. */
export const CURRENT_JOB = 0
/** 1: leave the rest of the batch, it has gone elsewhere. */
export const LEAVE_REST = 1
/** 1: a fresh VM is being loaded for the current job, or after it. */
export const RELOADING = 2
export const STATE_CELLS = 3

export interface NumberedJob extends Job {
  /** From 1 upwards, unique in the pool. */
  readonly number: number
}

/** To the thread. `dns` comes first into effect. */
export type ToWorker =
  | { readonly do: 'load'; readonly dns: readonly DnsEntry[]; readonly now: number }
  | { readonly do: 'run'; readonly dns: readonly DnsEntry[]; readonly jobs: readonly NumberedJob[] }

/** From the thread: one message for each it was sent. `done` can be shorter than the batch. */
export type FromWorker =
  | { readonly loaded: { readonly is: 'ready'; readonly notes: Notes } | Exclude<VmOutcome, { is: 'answer' }> }
  | { readonly done: readonly (readonly [number: number, outcome: VmOutcome])[] }
