import { constants, getPriority, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { PacVm } from './pac-vm.ts'
import { placeOfThread } from './running-time.ts'
import type { DnsEntry } from './vm-outcome.ts'
import {
  type Batch,
  CURRENT_JOB,
  type Done,
  type FromWorker,
  HANGING,
  LEAVE_REST,
  type Loaded,
  type MadeWay,
  NOBODY,
  type NumberedQuery,
  RELOADING,
  ROOM,
  SECOND_TURNS,
  type ToWorker,
  unpackBatch,
  WHO,
  type WorkerSetup,
} from './worker-protocol.ts'

/** The thread that a script runs in. Messages are worked off one after the other; the main thread ends us when one takes too long. */
const { script, limits, wasm, state, crowd, second } = workerData as WorkerSetup
const port = parentPort
if (!port) throw new Error('to be run as a worker thread')

/**
 * Milliseconds that a row of evaluations should take, which tell nothing before the last one is done; and after which outcomes are handed over,
 * for what a slow evaluation finds done must not wait for it.
 */
const ROW_MS = 1

/** All that the script may know of DNS, for the next VM. */
const known = new Map<string, DnsEntry>()
/** What the script's global code was told, where that is known no more. */
let heldAtLoad: readonly DnsEntry[] = []
/** The row that the VM works on. */
let row: readonly NumberedQuery[] = []
let done: Done[] = []
/** How often the one that runs was looked at, and why it was stopped before its time, if it was. */
let looks = 0
let madeWay: MadeWay | undefined
const vm = new PacVm(wasm, limits, {
  loads() {
    if (Atomics.load(state, RELOADING) === 0) send({ is: 'begun', place: placeOfThread() })
  },
  turn(index) {
    looks = 0
    Atomics.store(state, CURRENT_JOB, row[index]?.number ?? 0)
  },
  slow() {
    handOver(false)
    send({ is: 'slow', job: Atomics.load(state, CURRENT_JOB) })
  },
  hurried: () => second && Atomics.load(crowd, SECOND_TURNS) > 0,
  makeWay(ms) {
    looks++
    if (second || looks < MIN_LOOKS) return false
    const others = Atomics.load(crowd, WHO)
    if (others === NOBODY) return false
    const usual = USUAL_TIMES * usualMs
    if (others === ROOM) {
      if (ms < Math.max(limits.asideMs, usual)) return false
      madeWay = 'there was room'
      return true
    }
    const least = others === HANGING ? limits.hangingMs : limits.crowdedMs
    if (ms < Math.max(least, Math.min(MAX_USUAL_MS, usual))) return false
    madeWay = 'others waited'
    return true
  },
})
/** Milliseconds that an evaluation took of late. The first one is alone in its row. */
let usualMs = ROW_MS

// On Linux the number 0 is this thread; elsewhere it is the whole process.
if (second && process.platform === 'linux') lowerPriority()

let turn: Promise<void> = Promise.resolve()
port.on('message', (message: ToWorker) => {
  turn = turn.then(async () => {
    remember(message.dns)
    if (message.do === 'run') await run(message.batch, message.now)
    else if (message.do === 'begin anew') {
      vm.usable = false
      heldAtLoad = []
    } else if (message.do === 'load') {
      heldAtLoad = message.held
      send({ is: 'loaded', loaded: await load(message.now) })
    }
  })
})

function send(message: FromWorker): void {
  port?.postMessage(message)
}

send({ is: 'there' })

function handOver(end: boolean): void {
  if (done.length === 0 && !end) return
  send({ is: 'done', done, end })
  done = []
}

function remember(entries: readonly DnsEntry[]): void {
  for (const entry of entries) {
    if (entry.length === 1) known.delete(entry[0])
    else known.set(entry[0], entry)
  }
  if (vm.usable) vm.learn(entries)
}

async function load(now: number, heldForJob: readonly DnsEntry[] = []): Promise<Loaded> {
  const held = [...heldAtLoad.filter(([name]) => !known.has(name)), ...heldForJob]
  const loaded = await vm.load(script, { now, dns: [...known.values()], held })
  return loaded.is === 'answer' ? { is: 'ready', notes: loaded.notes } : loaded
}

/** `job` is what the main thread sees us at meanwhile, so that it does not wait for longer than a load may take. */
async function reload(job: number, now: number, held?: readonly DnsEntry[]): Promise<Loaded> {
  Atomics.store(state, CURRENT_JOB, job)
  Atomics.store(state, RELOADING, 1)
  const loaded = await load(now, held)
  Atomics.store(state, RELOADING, 0)
  return loaded
}

async function run(batch: Batch, now: number): Promise<void> {
  let queries = unpackBatch(batch)
  /** How many of the next are known to have had a neighbour that broke the VM: each goes alone. */
  let alone = 0
  let handedOver = performance.now()
  while (queries.length > 0 && Atomics.load(state, LEAVE_REST) === 0) {
    const [first] = queries as [NumberedQuery]
    const loaded = vm.usable ? undefined : await reload(first.number, now, first.held)
    if (loaded && loaded.is !== 'ready') {
      done.push({ number: first.number, outcome: loaded })
      queries = queries.slice(1)
      continue
    }
    row = queries.slice(0, alone > 0 ? 1 : rowOf(queries))
    alone = Math.max(0, alone - 1)
    const began = performance.now()
    // Whatever happens before the first of them begins happens to it.
    Atomics.store(state, CURRENT_JOB, first.number)
    madeWay = undefined
    const outcome = await vm.evaluateRow(row, { now, trace: batch.trace, held: first.held })
    const ended = performance.now()
    if (outcome.is === 'broken') {
      const broken = row[outcome.at] ?? first
      done.push(madeWay ? { number: broken.number, madeWay } : { number: broken.number, outcome: outcome.outcome })
      queries = queries.filter(({ number }) => number !== broken.number)
      alone = outcome.at
    } else {
      if (outcome.is === 'answers') done.push({ first: first.number, count: row.length, answers: outcome.text })
      else
        for (const [i, one] of outcome.outcomes.entries()) done.push({ number: (row[i] ?? first).number, outcome: one })
      const answered = outcome.is === 'answers' ? row.length : outcome.outcomes.length
      queries = queries.slice(answered)
      // A thread that had to wait for a processor says nothing of the script: no single row counts for more than four usual ones.
      const each = Math.min(4 * usualMs, Math.max(MIN_MS, (ended - began) / answered))
      usualMs = 0.8 * usualMs + 0.2 * each
    }
    const spent = !vm.usable || vm.evaluations >= limits.evaluationsPerVm
    if (spent || ended - handedOver >= ROW_MS) {
      handOver(false)
      handedOver = ended
    }
    // Made good while the main thread still takes us for busy, so that nobody waits for it.
    if (spent && !loaded) {
      if (vm.mustBeMade) send({ is: 'slow', job: NOBODY })
      await reload(first.number, now)
    }
  }
  row = []
  Atomics.store(state, CURRENT_JOB, 0)
  handOver(true)
}

/** How many go in one: what is held is so for all of a row, so one that has something held goes alone. */
function rowOf(queries: readonly NumberedQuery[]): number {
  const most = Math.max(1, Math.floor(ROW_MS / usualMs))
  const holder = queries.findIndex(({ held }) => held !== undefined)
  return holder < 0 ? most : Math.max(1, Math.min(most, holder))
}

/** Looks at the time, each after ten thousand jumps or so: one that had little of its time, because the thread waited for a processor, is not the slow one, nor one that ends by itself at the end of its stack. */
const MIN_LOOKS = 12
/** Times the usual that an evaluation may take before it goes on elsewhere, and milliseconds that this can be at most while others wait. */
const USUAL_TIMES = 8
const MAX_USUAL_MS = 50

/** What is left of the processors is theirs. */
function lowerPriority(): void {
  try {
    // Where the whole process has a lower one already, that.
    setPriority(0, Math.max(getPriority(0), constants.priority.PRIORITY_BELOW_NORMAL))
  } catch {
    // Not allowed to: the same priority, then.
  }
}

/** No evaluation is taken to be faster, milliseconds: what a clock that stands still for a moment would say otherwise. */
const MIN_MS = 0.001
