import type { PacLimits } from './limits.ts'
import { processorMs, RunningTime, STARVED_PART } from './running-time.ts'
import type { VmEvents } from './vm-events.ts'

/** Milliseconds after which what has more than its time by the clock is looked at again: others may wait for its end by then. */
const LOOK_AGAIN_MS = 50

/** The time of what runs in a VM: when it is to stop, what its clock says, and which queries have read that. */
export class VmTime {
  readonly #limits: PacLimits
  readonly #events: VmEvents
  readonly #processorMs: () => number | undefined
  #deadline = Number.POSITIVE_INFINITY
  /** Of global code that runs, or of a query that has run for `slowMs`: to ask costs more than what most take. */
  #running: RunningTime | undefined
  /** What the query had run for before that. */
  #ranBefore = 0
  #timedOut = false
  /** It was told to stop, which it may not have done at once. */
  #cut = false
  /** When `events.slow` is due, by performance.now(). */
  #slowAt = Number.POSITIVE_INFINITY
  #began = 0
  #now = 0
  #frozen = false
  /** What the clock said when it was first read, in ms since the epoch. */
  #read: number | undefined
  /** Of the row that runs: how many queries it has, how many have begun, and what the clock said to those that read it. */
  #length = 0
  #begun = 0
  readonly #readers = new Map<number, number>()

  /** `hadMs`: what this thread has had of a processor, in ms. */
  constructor(limits: PacLimits, events: VmEvents, hadMs = () => processorMs('thread-self')) {
    this.#limits = limits
    this.#events = events
    this.#processorMs = hadMs
  }

  /** Since the query, or the script's global code, began. */
  get elapsed(): number {
    return performance.now() - this.#began
  }

  /** How many queries of the row have begun. */
  get begun(): number {
    return this.#begun
  }

  /** What runs, or ran last, was told to stop at its limit, or for others. */
  get stopped(): boolean {
    return this.#timedOut || this.#cut
  }

  /** QuickJS drops the exception that ends a script in some of its own calls into it. */
  get wasCut(): boolean {
    return this.#cut
  }

  get timedOut(): boolean {
    return this.#timedOut
  }

  /** Of a query that was stopped: it had clearly less of a processor than its time. */
  get starved(): boolean {
    return this.#begun > 0 && this.#running?.starved === true
  }

  get isOver(): boolean {
    return performance.now() >= this.#deadline
  }

  /** What the clock said when what runs first read it; undefined: it did not. */
  get firstRead(): number | undefined {
    return this.#read
  }

  get nobodyRead(): boolean {
    return this.#readers.size === 0
  }

  readBy(index: number): number | undefined {
    return this.#readers.get(index)
  }

  /** Of global code. */
  beginLoad(now: number, frozen = false): void {
    this.#cut = false
    this.#begin(this.#limits.loadMs, now, frozen)
    this.#running = new RunningTime(this.#limits.loadMs, this.#began, this.#processorMs)
  }

  beginRow(length: number, now: number, frozen = false): void {
    this.#length = length
    this.#begun = 0
    this.#cut = false
    if (this.#readers.size > 0) this.#readers.clear()
    // For what is done before the first query begins, and should be nothing that the script has a hand in.
    this.#begin(this.#limits.evaluateMs, now, frozen)
  }

  /**
   * Called from the VM before each query. A script that has got at the loop gains no time by calling for more turns than there are queries. Throws where the one
   * before was told to stop and went on to its end, so that it is the one that broke the row.
   */
  turn(): void {
    if (this.#cut) throw new Error('it went on')
    this.noteRead()
    const index = this.#begun
    if (index >= this.#length) return
    this.#begun++
    this.#begin(this.#limits.evaluateMs, this.#now, this.#frozen)
    this.#slowAt = this.#began + this.#limits.slowMs
    this.#events.turn?.(index)
  }

  noteRead(): void {
    if (this.#read !== undefined && this.#begun > 0) this.#readers.set(this.#begun - 1, this.#read)
  }

  /** For QuickJS, which asks after every ten thousand jumps or so: whether what runs is to end. */
  interrupts(): boolean {
    const now = performance.now()
    if (now >= this.#slowAt) {
      this.#slowAt = Number.POSITIVE_INFINITY
      this.#becameSlow(now)
      this.#events.slow?.()
    }
    const running = this.#begun > 0
    this.#timedOut =
      (now >= this.#deadline && !this.#goesOn(now)) || (running && this.#events.makeWay?.(now - this.#began) === true)
    this.#cut ||= this.#timedOut
    return this.#timedOut
  }

  /** It is looked at often: what it ran for until now is little more than that, however late it is. */
  #becameSlow(now: number): void {
    const { evaluateMs, slowMs } = this.#limits
    this.#ranBefore = slowMs
    this.#running = new RunningTime(evaluateMs - slowMs, now, this.#processorMs)
  }

  /** What ran for so long, for people; on a busy machine also how much of that it had. */
  get spent(): string {
    const ms = Math.round(this.elapsed)
    const had = this.#running?.had()
    const ran = had === undefined ? ms : Math.round(this.#ranBefore + had)
    return ran < STARVED_PART * ms ? `${ms} ms, for ${ran} of which it had a processor` : `${ms} ms`
  }

  /** What had no processor for its thread has its time all the same. */
  #goesOn(now: number): boolean {
    const hurried = this.#begun > 0 && this.#events.hurried?.() === true
    const left = this.#running?.left(now, hurried) ?? 0
    if (left > 0) this.#deadline = now + Math.min(left, LOOK_AGAIN_MS)
    return left > 0
  }

  /** What the script's clock says, in ms since the epoch. */
  tell(): number {
    const time = this.#now + Math.floor(this.#frozen ? 0 : this.elapsed)
    this.#read ??= time
    return time
  }

  end(): void {
    this.#begun = 0
    this.#running = undefined
    this.#deadline = Number.POSITIVE_INFINITY
    this.#slowAt = Number.POSITIVE_INFINITY
  }

  /** So many milliseconds more, for what is none of the row's. */
  extend(ms: number): void {
    this.#begun = 0
    this.#running = undefined
    this.#deadline = performance.now() + ms
    this.#slowAt = Number.POSITIVE_INFINITY
  }

  /** A call of ours, between what the script does or within: not without limit, for the script may have a hand in it. */
  limited<T>(call: () => T): T {
    if (this.#deadline !== Number.POSITIVE_INFINITY) return call()
    this.#deadline = performance.now() + this.#limits.loadMs
    try {
      return call()
    } finally {
      this.#deadline = Number.POSITIVE_INFINITY
    }
  }

  #begin(limitMs: number, now: number, frozen: boolean): void {
    this.#frozen = frozen
    this.#began = performance.now()
    this.#deadline = this.#began + limitMs
    this.#running = undefined
    this.#ranBefore = 0
    this.#now = now
    this.#read = undefined
    this.#timedOut = false
  }
}
