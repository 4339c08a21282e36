import { parentPort, workerData } from 'node:worker_threads'
import { PacVm } from './pac-vm.ts'
import type { DnsEntry } from './vm-outcome.ts'
import {
  CURRENT_JOB,
  type FromWorker,
  LEAVE_REST,
  type NumberedJob,
  type NumberedOutcome,
  packOutcomes,
  RELOADING,
  type ToWorker,
  unpackJobs,
  type WorkerSetup,
} from './worker-protocol.ts'

/** The thread that a script runs in. Messages are worked off one after the other; the main thread ends us when one takes too long. */
const { script, limits, wasm, state } = workerData as WorkerSetup
const port = parentPort
if (!port) throw new Error('to be run as a worker thread')

/** All that the script may know of DNS, for the next VM. */
const known = new Map<string, DnsEntry>()
const vm = new PacVm(wasm, limits)

/** Outcomes are handed over at least this often: what a slow evaluation finds done before it must not wait for it. Milliseconds. */
const HAND_OVER_MS = 1

let turn: Promise<void> = Promise.resolve()
port.on('message', (message: ToWorker) => {
  turn = turn.then(async () => {
    remember(message.dns)
    if (message.do === 'run') await run(unpackJobs(message.jobs))
    else {
      send({ begun: true })
      send({ loaded: await load(message.now) })
    }
  })
})

function send(message: FromWorker): void {
  port?.postMessage(message)
}

function remember(entries: readonly DnsEntry[]): void {
  for (const entry of entries) {
    if (entry.length === 1) known.delete(entry[0])
    else known.set(entry[0], entry)
  }
  if (vm.usable) vm.learn(entries)
}

async function load(now: number): Promise<Extract<FromWorker, { loaded: unknown }>['loaded']> {
  const loaded = await vm.load(script, { now, dns: [...known.values()] })
  return loaded.is === 'answer' ? { is: 'ready', notes: loaded.notes } : loaded
}

async function reload(now: number): ReturnType<typeof load> {
  Atomics.store(state, RELOADING, 1)
  const loaded = await load(now)
  Atomics.store(state, RELOADING, 0)
  return loaded
}

async function run(jobs: readonly NumberedJob[]): Promise<void> {
  let done: NumberedOutcome[] = []
  let handedOver = performance.now()
  for (const job of jobs) {
    if (Atomics.load(state, LEAVE_REST) === 1) break
    Atomics.store(state, CURRENT_JOB, job.number)
    const loaded = vm.usable ? undefined : await reload(job.now)
    if (loaded && loaded.is !== 'ready') done.push([job.number, loaded])
    else done.push([job.number, await vm.evaluate(job)])
    // Made good while the main thread still takes us for busy, so that nobody waits for it.
    if (!loaded && (!vm.usable || vm.evaluations >= limits.evaluationsPerVm)) await reload(job.now)
    if (performance.now() - handedOver < HAND_OVER_MS) continue
    send({ done: packOutcomes(done), end: false })
    done = []
    handedOver = performance.now()
  }
  Atomics.store(state, CURRENT_JOB, 0)
  send({ done: packOutcomes(done), end: true })
}
