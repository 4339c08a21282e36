import { parentPort, workerData } from 'node:worker_threads'
import type { PacLimits } from './limits.ts'
import { PacVm } from './pac-vm.ts'
import type { Circumstances, Query } from './query-lines.ts'
import { placeOfThread } from './running-time.ts'
import { type DnsEntry, NO_NOTES, type Notes, type VmOutcome } from './vm-outcome.ts'

export interface EvaluatorSetup {
  readonly limits: PacLimits
  readonly wasm: WebAssembly.Module
}

export interface EvaluatorJob extends Query, Circumstances {
  readonly script: string
  readonly dns: readonly DnsEntry[]
}

/** Of a job: it begins, in a thread that the system has at this place below /proc; its script's global code is through; and what came of it. */
export type EvaluatorReply =
  | { readonly is: 'begun'; readonly place: string | undefined }
  | { readonly is: 'loaded' }
  | ({ readonly is: 'over' } & EvaluatorOutcome)

export interface EvaluatorOutcome {
  readonly outcome: VmOutcome
  /** Of the script's global code, where that came to its end. */
  readonly loadNotes: Notes
}

/** VMs, each with the memory of its last script as it was after loading: a batch often asks the same few. */
const MAX_VMS = 8

const { limits, wasm } = workerData as EvaluatorSetup
const port = parentPort
if (!port) throw new Error('to be run as a worker thread')
const vms = new Map<string, PacVm>()
/** Without a script. */
const spare: PacVm[] = []

let turn: Promise<void> = Promise.resolve()
port.on('message', (job: EvaluatorJob) => {
  turn = turn.then(async () => {
    tell({ is: 'begun', place: placeOfThread() })
    tell({ is: 'over', ...(await evaluate(job)) })
  })
})

function tell(reply: EvaluatorReply): void {
  port?.postMessage(reply)
}

async function evaluate(job: EvaluatorJob): Promise<EvaluatorOutcome> {
  const vm = vms.get(job.script) ?? spare.pop() ?? (vms.size < MAX_VMS ? new PacVm(wasm, limits) : takeOldest())
  vms.delete(job.script)
  // Each job finds the script as it is after loading: one before it had other names, addresses and another time, and the script may have kept them.
  const loaded = await vm.load(job.script, job)
  if (loaded.is !== 'answer') {
    spare.push(vm)
    return { outcome: loaded, loadNotes: NO_NOTES }
  }
  tell({ is: 'loaded' })
  // To the end of the row: the one asked least recently goes first.
  vms.set(job.script, vm)
  return { outcome: await vm.evaluate(job, job), loadNotes: loaded.notes }
}

function takeOldest(): PacVm {
  const [oldest] = vms
  if (!oldest) return new PacVm(wasm, limits)
  vms.delete(oldest[0])
  return oldest[1]
}
