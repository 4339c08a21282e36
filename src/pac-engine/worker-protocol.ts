import type { PacLimits } from './limits.ts'
import { packLines, type Query } from './query-lines.ts'
import type { DnsEntry, Notes, VmOutcome } from './vm-outcome.ts'

/** Handed to the thread when it is made. One thread serves one script. */
export interface WorkerSetup {
  readonly script: string
  readonly limits: PacLimits
  /** Compiled once for all threads. */
  readonly wasm: WebAssembly.Module
  /** What the two threads see of each other at once; cells below. */
  readonly state: Int32Array<SharedArrayBuffer>
  /** Of all threads of the script; cells below. */
  readonly crowd: Int32Array<SharedArrayBuffer>
  /** For evaluations that take long, with a lower priority than the others. */
  readonly second: boolean
}
/** In place of a job's number, which is counted from 1; and of the crowd. */
export const NOBODY = 0
/** The number of the job that is being evaluated, or `NOBODY`. */
export const CURRENT_JOB = 0
/** 1: leave the rest of the batch, it has gone elsewhere. */
export const LEAVE_REST = 1
/** 1: a fresh VM is being loaded for the current job, or after it. */
export const RELOADING = 2
export const STATE_CELLS = 3

/** Of the crowd: `NOBODY`, or one of the three below. */
export const WHO = 0
/** Of the crowd: how many wait for a second turn. */
export const SECOND_TURNS = 1
export const CROWD_CELLS = 2

/** Evaluations wait for a thread. */
export const WAITING = 1
/** They do, and some hung of late. */
export const HANGING = 2
/** Nobody waits, and a thread for second turns has nothing to do. */
export const ROOM = 3

/** To the thread. `dns` comes first into effect. */
export type ToWorker =
  | { readonly do: 'learn'; readonly dns: readonly DnsEntry[] }
  /** What comes next is to find the script as it is after loading. */
  | { readonly do: 'begin anew'; readonly dns: readonly DnsEntry[] }
  | {
      readonly do: 'load'
      readonly dns: readonly DnsEntry[]
      readonly now: number
      /** What the script's global code was told of names before: where no more is known of them, it is told the same again, also when a VM is put back. */
      readonly held: readonly DnsEntry[]
    }
  | { readonly do: 'run'; readonly dns: readonly DnsEntry[]; readonly now: number; readonly batch: Batch }

/**
 * Jobs with numbers in a row, as one text: url, host, url, host …, a line each. Copying one text between threads costs a tenth of copying
 * as many objects, which is as much as a short evaluation.
 */
export interface Batch {
  /** From 1 upwards, unique in the thread. */
  readonly first: number
  readonly trace: boolean
  readonly lines: string
  /** Of those that begin again: what holds for each, by its place in the row. */
  readonly held?: ReadonlyMap<number, readonly DnsEntry[]>
}

export type Loaded = { readonly is: 'ready'; readonly notes: Notes } | Exclude<VmOutcome, { is: 'answer' }>

/** From the thread. Outcomes come in one or more messages, the last one with `end`; they can be fewer than the batch had jobs. */
export type FromWorker =
  /** Its modules are read. */
  | { readonly is: 'there' }
  /** Global code, in a thread that the system has at this place below /proc. */
  | { readonly is: 'begun'; readonly place: string | undefined }
  | { readonly is: 'loaded'; readonly loaded: Loaded }
  /** The current job takes long, or something that is none; what was done before it has been sent. */
  | { readonly is: 'slow'; readonly job: number }
  | { readonly is: 'done'; readonly done: readonly Done[]; readonly end: boolean }

/** So many plain answers of jobs with numbers in a row, each behind a `=` on a line of its own; or one outcome that is more than that. */
export type Done =
  | { readonly first: number; readonly count: number; readonly answers: string }
  | { readonly number: number; readonly outcome: VmOutcome }
  /** It was stopped, for others waited, or could go on elsewhere. */
  | { readonly number: number; readonly madeWay: MadeWay }

export type MadeWay = 'others waited' | 'there was room'

export function packBatch(first: number, trace: boolean, queries: readonly Query[]): Batch {
  let held: Map<number, readonly DnsEntry[]> | undefined
  for (let i = 0; i < queries.length; i++) {
    const told = queries[i]?.held
    if (!told) continue
    held ??= new Map()
    held.set(i, told)
  }
  return { first, trace, lines: packLines(queries), ...(held ? { held } : {}) }
}

export interface NumberedQuery extends Query {
  readonly number: number
}

export function unpackBatch({ first, lines, held }: Batch): NumberedQuery[] {
  const cells = lines.split('\n')
  const queries: NumberedQuery[] = []
  for (let i = 0; i + 1 < cells.length; i += 2) {
    const query = { number: first + i / 2, url: cells[i] as string, host: cells[i + 1] as string }
    queries.push(held?.has(i / 2) ? { ...query, held: held.get(i / 2) } : query)
  }
  return queries
}
