import type { Clock } from '../contracts/clock.ts'
import { Crowd } from './crowd.ts'
import { FirstTurns } from './first-turns.ts'
import { HeldAnswers } from './held-answers.ts'
import type { PacLimits } from './limits.ts'
import { PoolJob } from './pool-job.ts'
import type { Query } from './query-lines.ts'
import { quickjsModule } from './quickjs-module.ts'
import { SecondTurns } from './second-turns.ts'
import { ThreadSet } from './thread-set.ts'
import { TurnBudget } from './turn-budget.ts'
import { CLOSED, crashed, type Ending, type Job } from './vm-job.ts'
import { type DnsEntry, NO_NOTES, type VmOutcome } from './vm-outcome.ts'
import { VmThread } from './vm-thread.ts'
import type { Row } from './waiter.ts'
import type { Loaded, MadeWay } from './worker-protocol.ts'

/** Threads that died while starting, one after the other, before the pool gives up on the script. */
const MAX_FAILED_STARTS = 3
/** How long threads beyond the wanted number are kept, in ms: what hung once hangs again. */
const RETIRE_MS = 30_000

/**
 * One script in a few threads. An evaluation that takes long keeps its thread, and what waited behind it goes to another one; when there is none, it makes
 * way within milliseconds, and begins again in a thread for such. So whoever waits, waits for quick ones, and for the first milliseconds of slow ones.
 * A thread that does not stop at its limit is ended and a fresh one takes its place. Nothing here knows what a PAC answer means.
 */
export class VmPool {
  readonly #script: string
  readonly #limits: PacLimits
  readonly #clock: Clock
  readonly #threads = new ThreadSet()
  readonly #queue = new FirstTurns()
  readonly #second: SecondTurns
  readonly #crowd: Crowd
  readonly #budget: TurnBudget
  /** What the global code was told, in all its VMs. */
  readonly #held: HeldAnswers
  readonly #now: () => number
  epoch = 0 // counted up with each network
  /** Since when somebody waits and no thread serves, by the clock. */
  #heldSince: number | undefined
  #wasm: WebAssembly.Module | undefined
  /** All that a new thread is to know of DNS. */
  readonly #known: () => readonly DnsEntry[]
  #pending = 0
  #flushing = false
  #watching: (() => void) | undefined
  #retiring: (() => void) | undefined
  #standby: (() => void) | undefined
  #failedStarts = 0
  #closed = false

  constructor(
    script: string,
    options: { readonly limits: PacLimits; readonly clock: Clock; readonly known: () => readonly DnsEntry[] },
  ) {
    this.#script = script
    this.#known = options.known
    this.#limits = options.limits
    this.#clock = options.clock
    this.#second = new SecondTurns(options.limits)
    this.#held = new HeldAnswers(options.limits.dnsNames)
    this.#crowd = new Crowd(options.clock)
    this.#budget = new TurnBudget(options.limits.turnAnswers)
    this.#now = () => options.clock.monotonic()
  }

  get pending(): number {
    return this.#pending
  }

  get threads(): number {
    return this.#threads.size
  }

  /** Starts a thread and runs the script's global code there; when that went well, the others begin. After `missing`: call it again when the names are known. */
  async start(): Promise<Loaded> {
    this.#wasm ??= await quickjsModule(this.#limits.memoryPages)
    if (this.#closed) return CLOSED
    // A script that stopped for a name begins again in the same thread.
    const [thread = this.#spawn(this.#wasm, false)] = this.#threads
    const loaded = await this.#load(thread)
    if (loaded.is !== 'ready') return loaded
    // Nobody waits for these: one thread serves already.
    while (this.#threads.size < this.#limits.threads && !this.#closed) void this.#load(this.#spawn(this.#wasm, false))
    this.#standby ??= this.#clock.after(this.#limits.standbyMs, () => this.#addSecond())
    return loaded
  }

  /** Tells every thread; those to come are told all. */
  learn(changes: readonly DnsEntry[]): void {
    for (const thread of this.#threads) thread.learn(changes)
  }

  /** What the script's global code is told, whatever becomes of it, when it begins again, or another VM is loaded. */
  hold(entries: readonly DnsEntry[]): void {
    this.#held.add(entries)
  }

  /** What runs from now on sees nothing of what evaluations before left in the script's variables, nor of what its global code was told. */
  beginAnew(): void {
    this.epoch++
    this.#held.clear()
    for (const thread of this.#threads) thread.beginAnew()
  }

  /** `settle` is called once, never before this returns. */
  run({ url, host, held }: Query, trace: boolean, settle: (outcome: VmOutcome) => void, askers?: Row): void {
    if (this.#closed) {
      queueMicrotask(() => settle(CLOSED))
      return
    }
    this.#pending++
    const wasSlow = this.#second.isSlow(host, this.#now)
    const job = new PoolJob(this, url, host, trace, wasSlow, held, settle, askers)
    if (wasSlow) this.#queue.addLast(job)
    else this.#queue.add(job)
    this.#flushSoon()
  }

  /** For its jobs. */
  settled({ host, wasSlow }: PoolJob, outcome: VmOutcome): void {
    this.#pending--
    const tooLong = outcome.is === 'failed' && outcome.failure.kind === 'time'
    if (tooLong) this.#second.noteSlow(host, this.#now())
    else if (wasSlow && outcome.is === 'answer') this.#second.noteGood(host)
  }

  /** For its jobs. */
  makeWay(job: PoolJob, why: MadeWay): void {
    if (why === 'others waited') this.#crowd.hung()
    this.#second.noteSlow(job.host, this.#now())
    this.#second.add(job, this.#now())
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#watching?.()
    this.#retiring?.()
    this.#standby?.()
    const threads = [...this.#threads]
    this.#threads.clear()
    for (const thread of threads) this.#queue.addFirst(thread.end(CLOSED))
    this.#giveUp(CLOSED)
    await Promise.all(threads.map(({ gone }) => gone))
  }

  #giveUp(why: VmOutcome): void {
    for (const job of this.#queue.takeAll()) job.settle(why)
    this.#second.giveUp(why)
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
    while (this.#queue.waiting > 0) {
      const { thread, takers } = this.#threads.idlest(!this.#crowd.hanging)
      if (!thread) break
      thread.run(this.#takeBatch(takers))
    }
    this.#flushSecond()
    this.#watch()
  }

  #flushSecond(): void {
    let room = false
    for (const thread of this.#threads) {
      if (!thread.second || !thread.idle) continue
      const job = this.#second.next()
      if (job) thread.run([job])
      else room = true
    }
    this.#crowd.tell(this.#queue.waiting > 0, room, this.#second.waiting)
    if (this.#second.waiting > 0) this.#addSecond()
  }

  /** An equal share for each thread that could take one, up to the limit. */
  #takeBatch(takers: number): Job[] {
    if (this.#crowd.hanging) return this.#queue.takeOne()
    return this.#queue.take(Math.min(this.#limits.batch, Math.ceil(this.#queue.waiting / takers)))
  }

  #addThread(): void {
    if (this.#closed || !this.#wasm || this.#threads.first >= this.#limits.maxThreads) return
    void this.#load(this.#spawn(this.#wasm, false))
  }

  #addSecond(): void {
    if (this.#closed || !this.#wasm || this.#threads.second >= this.#limits.secondThreads) return
    void this.#load(this.#spawn(this.#wasm, true))
  }

  #spawn(wasm: WebAssembly.Module, second: boolean): VmThread {
    const thread: VmThread = new VmThread(
      {
        ...{ script: this.#script, limits: this.#limits, clock: this.#clock, wasm, second },
        ...{ crowd: this.#crowd.cells, budget: this.#budget },
      },
      {
        advanced: () => {
          // In a turn of its own: Node hands over up to a thousand messages in one, and sending more work from in there would bring the next of them.
          if (this.#queue.waiting > 0 || this.#second.waiting > 0) this.#flushSoon()
          else if (second) this.#flushSecond()
          if (thread.retiring) this.#endRetired()
          this.#retireLater()
        },
        slow: (taken) => {
          this.#queue.addFirst(taken)
          this.#flush()
        },
        died: (left, reason, wasReady) => this.#died(thread, left, reason, wasReady),
      },
    )
    this.#threads.add(thread)
    return thread
  }

  async #load(thread: VmThread): Promise<Loaded> {
    const loaded = await thread.load(this.#known(), this.#held.entries())
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
      const now = this.#clock.monotonic()
      if (this.#second.waiting > 0) {
        this.#second.expire(now)
        // Nobody is hurried for those who wait no more.
        this.#flushSecond()
      }
      for (const thread of this.#threads) this.#look(thread, now)
      const held = this.#queue.waiting > 0 && !this.#threads.serves
      this.#heldSince = held ? (this.#heldSince ?? now) : undefined
      if (this.#heldSince !== undefined && now - this.#heldSince >= this.#limits.spareMs && this.#threads.free === 0) {
        this.#addThread()
      }
      this.#watch()
    })
  }

  #look(thread: VmThread, now: number): void {
    const running = thread.look(now)
    // While others wait it would have made way, could it hear.
    const held = this.#heldSince !== undefined && !thread.second && !thread.reloading
    // It ends by itself within that time, if it can.
    const over = thread.isOver(now, this.#second.waited(now) > this.#limits.graceMs)
    if (!over && (!held || running < this.#limits.crowdedMs + this.#limits.graceMs)) return
    const message = `its thread was ended after ${Math.round(running)} ms`
    // One that has not had its whole time may have waited for a processor: it has its second turn.
    const { starved } = thread
    const why: Ending = over
      ? { is: 'failed', failure: { kind: 'time', message, starved }, notes: NO_NOTES }
      : 'others waited'
    this.#end(thread, why)
    if (!thread.second && this.#threads.first < this.#limits.threads) this.#addThread()
    this.#flush()
  }

  #retireLater(): void {
    if (this.#retiring || this.#threads.first <= this.#limits.threads) return
    this.#retiring = this.#clock.after(RETIRE_MS, () => {
      this.#retiring = undefined
      for (const thread of this.#threads) {
        if (!thread.second && thread.ready && thread.serves && this.#threads.free > this.#limits.threads)
          thread.retiring = true
      }
      this.#endRetired()
      this.#retireLater()
    })
  }

  #endRetired(): void {
    for (const thread of [...this.#threads]) if (thread.retiring && thread.idle) this.#end(thread, CLOSED)
  }

  #end(thread: VmThread, why: Ending): void {
    if (this.#threads.delete(thread)) this.#queue.addFirst(thread.end(why))
  }

  #died(thread: VmThread, left: Job[], reason: string, wasReady: boolean): void {
    if (!this.#threads.delete(thread)) return
    this.#queue.addFirst(left)
    if (!wasReady && ++this.#failedStarts >= MAX_FAILED_STARTS && this.#threads.size === 0) {
      this.#giveUp(crashed(reason))
      return
    }
    if (this.#threads.first < this.#limits.threads) this.#addThread()
    this.#flush()
  }
}
