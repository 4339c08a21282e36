import type { Clock } from '../contracts/clock.ts'
import type { PacLimits } from './limits.ts'
import type { Query } from './query-lines.ts'
import { quickjsModule } from './quickjs-module.ts'
import { type DnsEntry, NO_NOTES, type VmOutcome } from './vm-outcome.ts'
import { CLOSED, crashed, type Job, VmThread } from './vm-thread.ts'
import type { Loaded } from './worker-protocol.ts'

/** Threads that died while starting, one after the other, before the pool gives up on the script. */
const MAX_FAILED_STARTS = 3
/** Evaluations that wait for their second turn, of which each can take its whole time; beyond, the first one was it. */
const MAX_LATER = 8
/** How long threads beyond the wanted number are kept, in ms: what hung once hangs again. */
const RETIRE_MS = 30_000

/**
 * One script in a few threads. An evaluation that takes long keeps its thread, and what waited behind it goes to another one; past its limit
 * the thread is ended and a fresh one takes its place. Nothing here knows what a PAC answer means.
 */
export class VmPool {
  readonly #script: string
  readonly #limits: PacLimits
  readonly #clock: Clock
  readonly #threads = new Set<VmThread>()
  readonly #queue: Job[] = []
  /** Those that made way once. They run when nobody else waits, and never on the last thread. */
  readonly #later: Job[] = []
  #wasm: WebAssembly.Module | undefined
  #known: readonly DnsEntry[] = []
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
    if (this.#closed) return CLOSED
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
    for (const thread of this.#threads) thread.learn(changes)
  }

  /** `settle` is called once, never before this returns. */
  run({ url, host }: Query, trace: boolean, settle: (outcome: VmOutcome) => void): void {
    if (this.#closed) {
      queueMicrotask(() => settle(CLOSED))
      return
    }
    this.#pending++
    const job: Job = {
      url,
      host,
      trace,
      madeWay: 'no',
      settle: (outcome) => {
        const stopped = outcome.is === 'failed' && outcome.failure.kind === 'time'
        if (stopped && job.madeWay === 'now' && this.#later.length < MAX_LATER) {
          job.madeWay = 'once'
          this.#later.push(job)
          this.#flushSoon()
          return
        }
        this.#pending--
        settle(outcome)
      },
    }
    this.#queue.push(job)
    this.#flushSoon()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watching?.()
    this.#retiring?.()
    const threads = [...this.#threads]
    this.#threads.clear()
    for (const thread of threads) this.#queue.push(...thread.end(CLOSED))
    this.#giveUp(CLOSED)
    await Promise.all(threads.map(({ gone }) => gone))
  }

  #giveUp(why: VmOutcome): void {
    for (const job of [...this.#queue.splice(0), ...this.#later.splice(0)]) job.settle(why)
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
      const { thread, takers } = this.#idlest()
      if (!thread) break
      thread.run(this.#takeBatch(takers))
    }
    const lastThread = Math.min(1, this.#limits.threads - 1)
    while (this.#later.length > 0 && this.#queue.length === 0 && this.#free() > lastThread) {
      const thread = [...this.#threads].find(({ idle }) => idle)
      if (!thread) break
      thread.run(this.#later.splice(0, 1))
      thread.slow = true
    }
    if (this.#free() === 0 && this.#queue.length > 0) this.#addThread()
    this.#watch()
  }

  /** An equal share for each thread that could take one, up to the limit, and all of one kind. */
  #takeBatch(takers: number): Job[] {
    const most = Math.min(this.#limits.batch, Math.ceil(this.#queue.length / takers))
    const trace = this.#queue[0]?.trace
    let count = 1
    while (count < most && this.#queue[count]?.trace === trace) count++
    return this.#queue.splice(0, count)
  }

  #idlest(): { thread: VmThread | undefined; takers: number } {
    let thread: VmThread | undefined
    let takers = 0
    for (const one of this.#threads) {
      if (!one.takesMore) continue
      takers++
      if (!thread || one.batches < thread.batches) thread = one
    }
    return { thread, takers }
  }

  /** Threads that serve, or will as soon as they are loaded. */
  #free(): number {
    let free = 0
    for (const thread of this.#threads) if (thread.serves) free++
    return free
  }

  #someoneServes(): boolean {
    for (const thread of this.#threads) if (thread.ready && thread.serves) return true
    return false
  }

  #addThread(): void {
    if (this.#closed || !this.#wasm || this.#threads.size >= this.#limits.maxThreads) return
    void this.#load(this.#spawn(this.#wasm))
  }

  #spawn(wasm: WebAssembly.Module): VmThread {
    const thread: VmThread = new VmThread(
      { script: this.#script, limits: this.#limits, clock: this.#clock, wasm },
      {
        advanced: () => {
          // In a turn of its own: Node hands over up to a thousand messages in one, and sending more work from in there would bring the next of them.
          if (this.#queue.length > 0) this.#flushSoon()
          if (thread.retiring) this.#endRetired()
          this.#retireLater()
        },
        slow: (taken) => {
          this.#queue.unshift(...taken)
          this.#flush()
        },
        died: (left, reason, wasReady) => this.#died(thread, left, reason, wasReady),
      },
    )
    this.#threads.add(thread)
    return thread
  }

  async #load(thread: VmThread): Promise<Loaded> {
    const loaded = await thread.load(this.#known)
    if (loaded.is === 'failed') this.#end(thread, loaded)
    else {
      this.#failedStarts = 0
      this.#flush()
    }
    return loaded
  }

  /** While anything runs, looks every few milliseconds what each thread is at. A thread says itself when it is slow, unless it is in a built-in's own loop. */
  #watch(): void {
    if (this.#watching || this.#closed || this.#pending === 0) return
    this.#watching = this.#clock.after(this.#limits.slowMs, () => {
      this.#watching = undefined
      for (const thread of this.#threads) this.#look(thread)
      if (this.#queue.length > 0 && !this.#someoneServes()) this.#clear()
      if (this.#later.length > 0) this.#flush()
      this.#watch()
    })
  }

  #look(thread: VmThread): void {
    const running = thread.look(this.#clock.monotonic())
    if (running >= this.#limits.spareMs && this.#free() < this.#limits.threads) this.#addThread()
    const limit = thread.limitMs
    if (running >= limit) {
      const message = `its thread was ended after ${limit} ms`
      this.#end(thread, { is: 'failed', failure: { kind: 'time', message }, notes: NO_NOTES })
      if (this.#free() < this.#limits.threads) this.#addThread()
      this.#flush()
    }
  }

  /** Every thread is held by a slow one, and others wait. */
  #clear(): void {
    const { crowdedMs, graceMs } = this.#limits
    const now = this.#clock.monotonic()
    const held = [...this.#threads].map((thread) => ({ thread, running: thread.look(now) }))
    const [longest] = held.sort((a, b) => b.running - a.running)
    if (!longest || longest.running < crowdedMs) return
    const job = longest.thread.makeWay()
    if (job && job.madeWay === 'no') job.madeWay = 'now'
    // It heard nothing: a built-in's own loop.
    if (longest.running < crowdedMs + graceMs) return
    const failure = { kind: 'time', message: `its thread was ended after ${Math.round(longest.running)} ms` } as const
    this.#end(longest.thread, { is: 'failed', failure, notes: NO_NOTES })
    this.#addThread()
    this.#flush()
  }

  #retireLater(): void {
    if (this.#retiring || this.#threads.size <= this.#limits.threads) return
    this.#retiring = this.#clock.after(RETIRE_MS, () => {
      this.#retiring = undefined
      for (const thread of this.#threads) {
        if (this.#free() <= this.#limits.threads) break
        if (thread.ready && thread.serves) thread.retiring = true
      }
      this.#endRetired()
      this.#retireLater()
    })
  }

  #endRetired(): void {
    for (const thread of [...this.#threads]) if (thread.retiring && thread.idle) this.#end(thread, CLOSED)
  }

  #end(thread: VmThread, why: VmOutcome): void {
    if (this.#threads.delete(thread)) this.#queue.unshift(...thread.end(why))
  }

  #died(thread: VmThread, left: Job[], reason: string, wasReady: boolean): void {
    if (!this.#threads.delete(thread)) return
    this.#queue.unshift(...left)
    if (!wasReady && ++this.#failedStarts >= MAX_FAILED_STARTS && this.#threads.size === 0) {
      this.#giveUp(crashed(reason))
      return
    }
    if (this.#threads.size < this.#limits.threads) this.#addThread()
    this.#flush()
  }
}
