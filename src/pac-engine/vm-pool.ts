import type { Worker } from 'node:worker_threads'
import type { Clock } from '../contracts/clock.ts'
import type { PacLimits } from './limits.ts'
import type { Job } from './pac-vm.ts'
import { quickjsModule } from './quickjs-module.ts'
import { startThread } from './start-thread.ts'
import { type DnsEntry, NO_NOTES, type Notes, type VmOutcome } from './vm-outcome.ts'
import {
  CURRENT_JOB,
  type FromWorker,
  LEAVE_REST,
  type NumberedJob,
  packJobs,
  RELOADING,
  STATE_CELLS,
  type ToWorker,
  unpackOutcomes,
  type WorkerSetup,
} from './worker-protocol.ts'

/** Batches under way in one thread: while one is worked on, the next already lies there. */
const BATCHES_AHEAD = 2
/** Threads that died while starting, one after the other, before the pool gives up on the script. */
const MAX_FAILED_STARTS = 3

interface Waiting extends NumberedJob {
  readonly settle: (outcome: VmOutcome) => void
}

type Loaded = { readonly is: 'ready'; readonly notes: Notes } | Exclude<VmOutcome, { is: 'answer' }>

interface Thread {
  readonly worker: Worker
  readonly state: Int32Array<SharedArrayBuffer>
  /** Ready to be sent batches: loaded, and not held by a slow evaluation. */
  ready: boolean
  slow: boolean
  batches: number
  readonly jobs: Map<number, Waiting>
  /** What changed in the DNS table since the last message. */
  dns: DnsEntry[]
  loading?: (loaded: Loaded) => void
  /** The thread runs and turns to the script. */
  begun?: () => void
  /** The job seen running at the last look, and when it was first seen. */
  seen: { job: number; since: number }
}

/**
 * One script in a few threads. An evaluation that takes long keeps its thread, and what waited behind it goes to another one; past its limit
 * the thread is ended and a fresh one takes its place. Nothing here knows what a PAC answer means.
 */
export class VmPool {
  readonly #script: string
  readonly #limits: PacLimits
  readonly #clock: Clock
  readonly #threads = new Set<Thread>()
  readonly #queue: Waiting[] = []
  #wasm: WebAssembly.Module | undefined
  #known: readonly DnsEntry[] = []
  #nextNumber = 1
  #pending = 0
  #flushing = false
  #watching: (() => void) | undefined
  #retiring: (() => void) | undefined
  #failedStarts = 0
  #closed = false

  constructor(script: string, options: { readonly limits: PacLimits; readonly clock: Clock }) {
    this.#script = script
    this.#limits = options.limits
    this.#clock = options.clock
  }

  get pending(): number {
    return this.#pending
  }

  get threads(): number {
    return this.#threads.size
  }

  /** Starts a thread and runs the script's global code there; when that went well, the others. After `missing`: call it again with the names. */
  async start(known: readonly DnsEntry[]): Promise<Loaded> {
    this.#known = known
    this.#wasm ??= await quickjsModule(this.#limits.memoryPages)
    if (this.#closed) return crashed('the engine is closed')
    // A script that stopped for a name begins again in the same thread.
    const [thread = this.#spawn(this.#wasm)] = this.#threads
    const loaded = await this.#load(thread)
    if (loaded.is !== 'ready') return loaded
    const others: Promise<unknown>[] = []
    while (this.#threads.size < this.#limits.threads && !this.#closed) others.push(this.#load(this.#spawn(this.#wasm)))
    await Promise.all(others)
    return loaded
  }

  /** Tells every thread, now and in future. `known` is the whole table after `changes`. */
  learn(changes: readonly DnsEntry[], known: readonly DnsEntry[]): void {
    this.#known = known
    for (const thread of this.#threads) thread.dns.push(...changes)
  }

  run(job: Job): Promise<VmOutcome> {
    return new Promise((resolve) => {
      this.#pending++
      const settle = (outcome: VmOutcome) => {
        this.#pending--
        resolve(outcome)
      }
      if (this.#closed) return settle(crashed('the engine is closed'))
      this.#queue.push({ ...job, number: this.#nextNumber++, settle })
      if (this.#nextNumber > 2 ** 31 - 2) this.#nextNumber = 1
      this.#flushSoon()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watching?.()
    this.#retiring?.()
    const threads = [...this.#threads]
    this.#threads.clear()
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
    for (const thread of threads) {
      thread.loading?.(crashed('the engine is closed'))
      for (const job of thread.jobs.values()) job.settle(crashed('the engine is closed'))
    }
    for (const job of this.#queue.splice(0)) job.settle(crashed('the engine is closed'))
  }

  /** A lone job goes at once. While others are under way, those of one turn of the event loop travel together: a message costs as much as a job. */
  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    const flush = () => {
      this.#flushing = false
      this.#flush()
    }
    if (this.#pending === 1) queueMicrotask(flush)
    else setImmediate(flush)
  }

  #flush(): void {
    while (this.#queue.length > 0) {
      const thread = this.#idlest()
      if (!thread) break
      const jobs = this.#queue.splice(0, Math.min(this.#limits.batch, this.#queue.length))
      for (const job of jobs) thread.jobs.set(job.number, job)
      thread.batches++
      this.#send(thread, {
        do: 'run',
        dns: thread.dns.splice(0),
        jobs: packJobs(jobs),
      })
    }
    if (this.#queue.length > 0 && this.#free() === 0) this.#addThread()
    this.#watch()
  }

  #idlest(): Thread | undefined {
    let best: Thread | undefined
    for (const thread of this.#threads) {
      if (!thread.ready || thread.slow || thread.batches >= BATCHES_AHEAD) continue
      if (!best || thread.batches < best.batches) best = thread
    }
    return best
  }

  /** Threads that serve, or will as soon as they are loaded. */
  #free(): number {
    let free = 0
    for (const thread of this.#threads) if (!thread.slow) free++
    return free
  }

  #addThread(): void {
    if (this.#closed || !this.#wasm || this.#threads.size >= this.#limits.maxThreads) return
    void this.#load(this.#spawn(this.#wasm))
  }

  #spawn(wasm: WebAssembly.Module): Thread {
    const state = new Int32Array(new SharedArrayBuffer(STATE_CELLS * Int32Array.BYTES_PER_ELEMENT))
    const setup: WorkerSetup = { script: this.#script, limits: this.#limits, wasm, state }
    const worker = startThread('worker', setup)
    worker.unref()
    const thread: Thread = {
      worker,
      state,
      ready: false,
      slow: false,
      batches: 0,
      jobs: new Map(),
      dns: [],
      seen: { job: 0, since: 0 },
    }
    this.#threads.add(thread)
    worker.on('message', (message: FromWorker) => this.#received(thread, message))
    worker.on('error', (error) => this.#died(thread, error instanceof Error ? error.message : 'unknown'))
    worker.on('exit', () => this.#died(thread, 'the thread ended'))
    return thread
  }

  #load(thread: Thread): Promise<Loaded> {
    return new Promise((resolve) => {
      const { loadMs, graceMs, threadStartMs } = this.#limits
      const giveUp = (message: string) => () => {
        thread.loading?.({ is: 'failed', failure: { kind: 'time', message }, notes: NO_NOTES })
      }
      let cancel = this.#clock.after(threadStartMs, giveUp(`its thread did not start within ${threadStartMs} ms`))
      thread.begun = () => {
        cancel()
        cancel = this.#clock.after(loadMs + graceMs, giveUp(`loading was stopped after ${loadMs} ms`))
      }
      thread.loading = (loaded) => {
        delete thread.loading
        cancel()
        // One that stopped for a name serves: its first job will stop for the same name, and that is looked up.
        thread.ready = loaded.is !== 'failed'
        if (!thread.ready) this.#end(thread)
        else {
          this.#failedStarts = 0
          this.#flush()
        }
        resolve(loaded)
      }
      this.#send(thread, { do: 'load', dns: this.#known, now: this.#clock.wall() })
    })
  }

  #send(thread: Thread, message: ToWorker): void {
    thread.worker.postMessage(message)
  }

  #received(thread: Thread, message: FromWorker): void {
    if (!this.#threads.has(thread)) return
    if ('begun' in message) {
      thread.begun?.()
      return
    }
    if ('loaded' in message) {
      thread.loading?.(message.loaded)
      return
    }
    if (message.end) thread.batches--
    for (const [number, outcome] of unpackOutcomes(message.done)) {
      const job = thread.jobs.get(number)
      if (!job) continue
      thread.jobs.delete(number)
      job.settle(outcome)
    }
    // A slow evaluation that came to its end: the thread serves again.
    if (thread.slow && thread.batches === 0) {
      thread.slow = false
      Atomics.store(thread.state, LEAVE_REST, 0)
      this.#retireLater()
    }
    this.#flush()
  }

  /** While anything runs, looks every few milliseconds what each thread is at. */
  #watch(): void {
    if (this.#watching || this.#closed || this.#pending === 0) return
    this.#watching = this.#clock.after(this.#limits.slowMs, () => {
      this.#watching = undefined
      for (const thread of this.#threads) this.#look(thread)
      this.#watch()
    })
  }

  #look(thread: Thread): void {
    const now = this.#clock.monotonic()
    const current = Atomics.load(thread.state, CURRENT_JOB)
    if (current === 0) return
    if (current !== thread.seen.job) {
      thread.seen = { job: current, since: now }
      return
    }
    const running = now - thread.seen.since
    if (running >= this.#limits.slowMs && !thread.slow) this.#slow(thread, current)
    if (running >= this.#limits.spareMs && this.#free() < this.#limits.threads) this.#addThread()
    const { evaluateMs, loadMs, graceMs } = this.#limits
    const limit = (Atomics.load(thread.state, RELOADING) === 1 ? evaluateMs + loadMs : evaluateMs) + graceMs
    if (running >= limit) this.#kill(thread, current, limit)
  }

  /** The running job keeps the thread; everything else it was given goes back to the head of the queue. */
  #slow(thread: Thread, current: number): void {
    thread.slow = true
    Atomics.store(thread.state, LEAVE_REST, 1)
    const others = [...thread.jobs.values()].filter(({ number }) => number !== current)
    for (const { number } of others) thread.jobs.delete(number)
    this.#queue.unshift(...others)
    this.#flush()
  }

  #kill(thread: Thread, current: number, limit: number): void {
    const job = thread.jobs.get(current)
    this.#end(thread)
    job?.settle({
      is: 'failed',
      failure: { kind: 'time', message: `its thread was ended after ${limit} ms` },
      notes: NO_NOTES,
    })
    if (this.#free() < this.#limits.threads) this.#addThread()
    this.#flush()
  }

  /** More threads than wanted are kept for a while, for what hung once hangs again. */
  #retireLater(): void {
    if (this.#retiring || this.#threads.size <= this.#limits.threads) return
    this.#retiring = this.#clock.after(RETIRE_MS, () => {
      this.#retiring = undefined
      for (const thread of [...this.#threads]) {
        const idle = thread.ready && thread.jobs.size === 0 && !thread.slow
        if (idle && this.#threads.size > this.#limits.threads) this.#end(thread)
      }
      this.#retireLater()
    })
  }

  #end(thread: Thread): void {
    if (!this.#threads.delete(thread)) return
    thread.ready = false
    for (const job of thread.jobs.values()) {
      if (Atomics.load(thread.state, CURRENT_JOB) !== job.number) this.#queue.unshift(job)
    }
    void thread.worker.terminate()
  }

  /** Out of memory in the host, or a fault of ours: whatever it was working on failed, the rest goes elsewhere. */
  #died(thread: Thread, reason: string): void {
    if (!this.#threads.has(thread)) return
    const current = Atomics.load(thread.state, CURRENT_JOB)
    const job = thread.jobs.get(current)
    this.#end(thread)
    thread.loading?.(crashed(reason))
    job?.settle(crashed(reason))
    if (!thread.ready && ++this.#failedStarts >= MAX_FAILED_STARTS && this.#threads.size === 0) {
      for (const waiting of this.#queue.splice(0)) waiting.settle(crashed(reason))
      return
    }
    if (this.#threads.size < this.#limits.threads) this.#addThread()
    this.#flush()
  }
}

/** How long extra threads are kept. */
const RETIRE_MS = 30_000

function crashed(message: string): { is: 'failed'; failure: { kind: 'crashed'; message: string }; notes: Notes } {
  return { is: 'failed', failure: { kind: 'crashed', message }, notes: NO_NOTES }
}
