import type { Worker } from 'node:worker_threads'
import type { Clock } from '../contracts/clock.ts'
import { endsOnceStarted } from '../system/start-thread.ts'
import type { PacLimits } from './limits.ts'
import { NumberedJobs } from './numbered-jobs.ts'
import { processorMs, RunningTime, whenSpent } from './running-time.ts'
import { startPacThread } from './start-thread.ts'
import type { TurnBudget } from './turn-budget.ts'
import { CLOSED, crashed, type Ending, type Job } from './vm-job.ts'
import { type DnsEntry, NO_NOTES, type VmOutcome } from './vm-outcome.ts'
import {
  CURRENT_JOB,
  type Done,
  type FromWorker,
  LEAVE_REST,
  type Loaded,
  NOBODY,
  packBatch,
  RELOADING,
  STATE_CELLS,
  type ToWorker,
  type WorkerSetup,
} from './worker-protocol.ts'

export interface ThreadOptions {
  readonly script: string
  readonly limits: PacLimits
  readonly clock: Clock
  /** Compiled once for all threads. */
  readonly wasm: WebAssembly.Module
  /** Of all threads of the script: whether evaluations wait. */
  readonly crowd: Int32Array<SharedArrayBuffer>
  /** For evaluations that take long. */
  readonly second: boolean
  /** Of all threads of the script, in outcomes. */
  readonly budget: TurnBudget
}

export interface ThreadEvents {
  /** Some jobs are settled, or it serves again. */
  advanced(): void
  /** Its current job takes long: `taken` are the jobs it had besides, unsettled. Or it is through, and these are left. */
  slow(taken: Job[]): void
  /** It ended by itself, before it was loaded or after; its current job is settled, `left` are the others. */
  died(left: Job[], reason: string, wasReady: boolean): void
}

/** Changes of the DNS table that are kept for the next batch; with more they go at once, for a thread that is seldom needed may get none for days. */
const DNS_CHANGES_KEPT = 512
/** Batches under way: while one is worked on, the next already lies there. */
const BATCHES_AHEAD = 2

/** One worker thread with the script, seen from the main thread: which jobs it has, and what it is at. */
export class VmThread {
  /** Loaded: may be sent batches. */
  ready = false
  /** One evaluation holds it. */
  slow = false
  /** It is one too many: it gets nothing more to do, and is ended when it has done what it has. */
  retiring = false
  readonly second: boolean
  #batches = 0
  readonly #jobs = new NumberedJobs()
  #next = 1
  /** What changed in the DNS table since the last message. */
  #dns: DnsEntry[] = []
  readonly #worker: Worker
  readonly #endWorker: () => Promise<void>
  readonly #state = new Int32Array(new SharedArrayBuffer(STATE_CELLS * Int32Array.BYTES_PER_ELEMENT))
  readonly #limits: PacLimits
  readonly #clock: Clock
  readonly #events: ThreadEvents
  #loading: ((loaded: Loaded) => void) | undefined
  /** The thread runs, its VM is made, and it turns to the script: on a busy machine that alone may take longer than a script may. */
  #begun: ((place: string | undefined) => void) | undefined
  /** Where the system has it, once it has begun. */
  #place: string | undefined
  /** The job seen running at the last look, when it was first seen, and from when it was slow what it had of a processor. */
  #seen: { readonly job: number; readonly since: number; time?: RunningTime } = { job: 0, since: 0 }
  #ended = false
  /** After `end`: when the thread is there no longer. */
  gone: Promise<unknown> = Promise.resolve()

  constructor({ script, limits, clock, wasm, crowd, second, budget }: ThreadOptions, events: ThreadEvents) {
    this.second = second
    this.#limits = limits
    this.#clock = clock
    this.#events = events
    this.#worker = startPacThread('worker', {
      ...{ script, limits, wasm, crowd, second },
      state: this.#state,
    } satisfies WorkerSetup)
    this.#worker.unref()
    this.#endWorker = endsOnceStarted(this.#worker, clock, limits.threadStartMs)
    this.#worker.on('message', (message: FromWorker) => {
      budget.spend(outcomesIn(message), () => this.#received(message))
    })
    this.#worker.on('error', (error) => this.#died(error instanceof Error ? error.message : 'unknown'))
    this.#worker.on('exit', () => this.#died('the thread ended'))
  }

  get batches(): number {
    return this.#batches
  }

  /** A batch now; with `ahead`, also while it works on one. */
  takesMore(ahead: boolean): boolean {
    return this.ready && this.serves && this.#batches < (ahead ? BATCHES_AHEAD : 1)
  }

  /** Or will, as soon as it is loaded. */
  get serves(): boolean {
    return !this.slow && !this.retiring
  }

  get idle(): boolean {
    return this.ready && !this.slow && this.#jobs.size === 0
  }

  /** Runs the script's global code there. Can be asked again after `missing`. `held` is what it was told before. */
  load(known: readonly DnsEntry[], held: readonly DnsEntry[] = []): Promise<Loaded> {
    return new Promise((resolve) => {
      const { loadMs, graceMs, threadStartMs } = this.#limits
      const giveUp = (message: string) => () => {
        this.#loading?.({ is: 'failed', failure: { kind: 'time', message }, notes: NO_NOTES })
      }
      let cancel = this.#clock.after(threadStartMs, giveUp(`its thread did not start within ${threadStartMs} ms`))
      this.#begun = (place) => {
        cancel()
        const stopped = giveUp(`loading was stopped after ${loadMs} ms`)
        cancel = whenSpent(this.#clock, loadMs + graceMs, () => processorMs(place), stopped)
      }
      this.#loading = (loaded) => {
        this.#loading = undefined
        cancel()
        // One that stopped for a name serves: its first job will stop for the same name, and that is looked up.
        this.ready = loaded.is !== 'failed'
        resolve(loaded)
      }
      // What it was told before may have been forgotten since.
      this.#send({ do: 'load', dns: [...this.#takeDns(), ...known], now: this.#clock.wall(), held })
    })
  }

  learn(changes: readonly DnsEntry[]): void {
    for (const change of changes) this.#dns.push(change)
    if (this.#dns.length > DNS_CHANGES_KEPT) this.#send({ do: 'learn', dns: this.#takeDns() })
  }

  /** All with the same `trace`. */
  run(jobs: readonly Job[]): void {
    const [job] = jobs
    if (!job) return
    if (this.#next + jobs.length > MAX_NUMBER) this.#next = 1
    const batch = packBatch(this.#next, job.trace, jobs)
    this.#jobs.add(this.#next, jobs)
    this.#next += jobs.length
    this.#batches++
    this.#send({ do: 'run', dns: this.#takeDns(), now: this.#clock.wall(), batch })
  }

  /** Jobs that it is given from now on see nothing of what those before left in the script's variables. */
  beginAnew(): void {
    this.#send({ do: 'begin anew', dns: this.#takeDns() })
  }

  #takeDns(): DnsEntry[] {
    const taken = this.#dns
    if (taken.length > 0) this.#dns = []
    return taken
  }

  /** How long, in ms, the current job was seen running; to be asked every few milliseconds while there are jobs. */
  look(now: number): number {
    const current = Atomics.load(this.#state, CURRENT_JOB)
    if (current === 0 || current !== this.#seen.job) {
      this.#seen = { job: current, since: now }
      return 0
    }
    const running = now - this.#seen.since
    if (running >= this.#limits.slowMs) {
      this.#seen.time ??= new RunningTime(this.#limitMs, now, () => processorMs(this.#place))
      this.#becameSlow(current)
    }
    return running
  }

  /** Whether the job seen at the last look has had its time, and nothing but its end helps. `waited`: others have done so for second turns. */
  isOver(now: number, waited = false): boolean {
    const { job, since, time } = this.#seen
    if (job === 0 || now - since < this.#limitMs) return false
    return !time || time.left(now, waited && this.second && !this.reloading) === 0
  }

  /** Of the one that is over: whether it had clearly less of a processor than its time. */
  get starved(): boolean {
    return this.#seen.time?.starved === true
  }

  get #limitMs(): number {
    const { evaluateMs, loadMs, graceMs } = this.#limits
    return (this.reloading ? evaluateMs + loadMs : evaluateMs) + graceMs
  }

  get reloading(): boolean {
    return Atomics.load(this.#state, RELOADING) === 1
  }

  /** Ends it. The current job is settled with `why`, or makes way; answers the others. */
  end(why: Ending): Job[] {
    this.#ended = true
    this.ready = false
    this.#loading?.(typeof why === 'string' || why.is === 'answer' ? CLOSED : why)
    const current = this.#jobs.take(Atomics.load(this.#state, CURRENT_JOB))
    const others = this.#jobs.takeAll()
    this.gone = this.#endWorker()
    if (typeof why === 'string') current?.makeWay(why)
    else current?.settle(why)
    return others
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #received(message: FromWorker): void {
    if (this.#ended) return
    switch (message.is) {
      case 'there':
        return
      case 'begun':
        this.#place = message.place
        this.#begun?.(message.place)
        return
      case 'loaded':
        this.#loading?.(message.loaded)
        return
      case 'slow':
        // It may have come to its end since.
        if (message.job === NOBODY || this.#jobs.get(message.job)) this.#becameSlow(message.job)
        return
      case 'done':
        if (message.end) this.#batches--
        for (const done of message.done) this.#settle(done)
        if (this.slow && this.#batches === 0) {
          this.slow = false
          Atomics.store(this.#state, LEAVE_REST, 0)
          // Of a row that broke at a later one than the one it was seen at, those before are left: neither answered nor taken.
          const left = this.#jobs.takeAll()
          if (left.length > 0) this.#events.slow(left)
        }
        this.#events.advanced()
    }
  }

  #settle(done: Done): void {
    if ('madeWay' in done) {
      this.#jobs.take(done.number)?.makeWay(done.madeWay)
      return
    }
    if ('outcome' in done) {
      this.#settleOne(done.number, done.outcome)
      return
    }
    let number = done.first
    for (const answer of done.answers.split('\n')) {
      this.#settleOne(number++, { is: 'answer', answer: answer.slice(1), notes: NO_NOTES, ms: 0 })
    }
  }

  #settleOne(number: number, outcome: VmOutcome): void {
    this.#jobs.take(number)?.settle(outcome)
  }

  /** The running job keeps the thread, and everything else it was given goes elsewhere. */
  #becameSlow(current: number): void {
    const spent = this.#jobs.get(current)?.spent
    if (spent) spent.runsSince ??= this.#clock.monotonic()
    if (this.slow) return
    this.slow = true
    Atomics.store(this.#state, LEAVE_REST, 1)
    this.#events.slow(this.#jobs.takeAll(current))
  }

  /** Out of memory in the host, or a fault of ours: whatever it was working on failed, the rest goes elsewhere. */
  #died(reason: string): void {
    if (this.#ended) return
    const wasReady = this.ready
    this.#events.died(this.end(crashed(reason)), reason, wasReady)
  }
}

function outcomesIn(message: FromWorker): number {
  if (message.is !== 'done') return 0
  let outcomes = 0
  for (const done of message.done) outcomes += 'answers' in done ? done.count : 1
  return outcomes
}

/** What a cell of the shared state holds. */
const MAX_NUMBER = 2 ** 31 - 1
