import { parentPort, workerData } from 'node:worker_threads'
import type { PacLimits } from './limits.ts'
import { type Job, PacVm } from './pac-vm.ts'
import type { DnsEntry, VmOutcome } from './vm-outcome.ts'

export interface EvaluatorSetup {
  readonly limits: PacLimits
  readonly wasm: WebAssembly.Module
}

export interface EvaluatorJob extends Job {
  readonly script: string
  readonly dns: readonly DnsEntry[]
}

/** Scripts kept loaded; a batch often asks the same few. */
const MAX_VMS = 8

const { limits, wasm } = workerData as EvaluatorSetup
const port = parentPort
if (!port) throw new Error('to be run as a worker thread')
const vms = new Map<string, PacVm>()

let turn: Promise<void> = Promise.resolve()
port.on('message', (job: EvaluatorJob) => {
  turn = turn.then(async () => port.postMessage(await evaluate(job)))
})

async function evaluate(job: EvaluatorJob): Promise<VmOutcome> {
  let vm = vms.get(job.script)
  if (vm) vm.replaceDns(job.dns)
  else {
    const loaded = await PacVm.load(wasm, job.script, { limits, ...job })
    if (!('vm' in loaded)) return loaded
    vm = loaded.vm
    // Global code that saw the clock, a name or a random number made a VM for this job only.
    const { used, clock, random } = loaded.notes
    if (used.length > 0 || clock || random) {
      const outcome = await vm.evaluate(job)
      vm.dispose()
      return outcome
    }
    keep(job.script, vm)
  }
  const outcome = await vm.evaluate(job)
  if (!vm.usable || vm.evaluations >= limits.evaluationsPerVm) {
    vms.delete(job.script)
    vm.dispose()
  }
  return outcome
}

function keep(script: string, vm: PacVm): void {
  vms.set(script, vm)
  if (vms.size <= MAX_VMS) return
  const [oldest] = vms
  if (!oldest) return
  vms.delete(oldest[0])
  oldest[1].dispose()
}
