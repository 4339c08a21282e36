import type { PacLimits } from './limits.ts'
import type { Job } from './pac-vm.ts'
import { type DnsEntry, NO_NOTES, type Notes, type VmOutcome } from './vm-outcome.ts'

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
  | { readonly do: 'run'; readonly dns: readonly DnsEntry[]; readonly jobs: PackedJobs }

/** From the thread. Outcomes come in one or more messages, the last one with `end`; they can be fewer than the batch had jobs. */
export type FromWorker =
  | { readonly begun: true }
  | { readonly loaded: { readonly is: 'ready'; readonly notes: Notes } | Exclude<VmOutcome, { is: 'answer' }> }
  | { readonly done: PackedOutcomes; readonly end: boolean }

export type NumberedOutcome = readonly [number: number, outcome: VmOutcome]

/** Five cells a job. Copying a flat array between threads costs a third of what copying its objects does, and that is half of a short evaluation. */
export type PackedJobs = readonly (number | string | boolean)[]

export function packJobs(jobs: readonly NumberedJob[]): PackedJobs {
  const cells: (number | string | boolean)[] = []
  for (const { number, url, host, now, trace } of jobs) cells.push(number, url, host, now, trace)
  return cells
}

export function unpackJobs(cells: PackedJobs): NumberedJob[] {
  const jobs: NumberedJob[] = []
  for (let i = 0; i + 4 < cells.length; i += 5) {
    const [number, url, host, now, trace] = cells.slice(i, i + 5) as [number, string, string, number, boolean]
    jobs.push({ number, url, host, now, trace })
  }
  return jobs
}

/** Two cells an outcome: an answer with nothing to say about it is its text alone. */
export type PackedOutcomes = readonly (number | string | VmOutcome)[]

export function packOutcomes(outcomes: readonly NumberedOutcome[]): PackedOutcomes {
  const cells: (number | string | VmOutcome)[] = []
  for (const [number, outcome] of outcomes) {
    const plain = outcome.is === 'answer' && outcome.notes === NO_NOTES
    cells.push(number, plain ? outcome.answer : outcome)
  }
  return cells
}

export function unpackOutcomes(cells: PackedOutcomes): NumberedOutcome[] {
  const outcomes: NumberedOutcome[] = []
  for (let i = 0; i + 1 < cells.length; i += 2) {
    const cell = cells[i + 1] as string | VmOutcome
    const outcome: VmOutcome = typeof cell === 'string' ? { is: 'answer', answer: cell, notes: NO_NOTES, ms: 0 } : cell
    outcomes.push([cells[i] as number, outcome])
  }
  return outcomes
}
