import type { Socket } from 'node:net'
import type { Worker } from 'node:worker_threads'
import type { Clock } from '../contracts/clock.ts'
import type { RelayEnd } from '../contracts/relay.ts'
import { type Borrowed, borrow, canBorrow } from './borrow.ts'
import type { Expiry, LimitSweep, Swept } from './limit-sweep.ts'
import { ABANDONED_MS, LINGER_MS } from './limits.ts'
import { type Pair, settle } from './pair.ts'
import { type Lender, RelayThread } from './relay-thread.ts'
import { closeInOrder, reset } from './reset.ts'
import type { Successor } from './stream-pair.ts'
import {
  BYTES_DOWN,
  BYTES_UP,
  FINS,
  FIRST_BYTE_MS,
  ROW,
  type Side,
  type WorkerData,
  type WorkerEnd,
} from './worker-protocol.ts'

export interface KernelRelayOptions {
  readonly clock: Clock
  readonly threads: number
  /** Threads among which the pipes are divided; default: these. */
  readonly pipeSharers?: number
  /** Bytes a pair has moved before it is taken. */
  readonly after: number
  /** A thread could not start or has died; the portable relay takes over what comes. */
  readonly onThreadLost: (reason: string) => void
  /** For tests of threads that fail. */
  readonly startWorker?: (data: WorkerData) => Worker
}

/** The relay for pairs of plain kernel sockets on Linux: their bytes never enter the process. */
export class KernelRelay implements Successor {
  readonly after: number
  readonly #clock: Clock
  readonly #threads: readonly RelayThread[]
  readonly started: Promise<unknown>
  #taken = 0

  constructor(options: KernelRelayOptions) {
    this.after = options.after
    this.#clock = options.clock
    this.#threads = Array.from(
      { length: options.threads },
      () => new RelayThread(options.pipeSharers ?? options.threads, options.onThreadLost, options.startWorker),
    )
    this.started = Promise.all(this.#threads.map((thread) => thread.started))
  }

  get pairs(): { now: number; ever: number } {
    return { now: this.#threads.reduce((sum, thread) => sum + thread.load, 0), ever: this.#taken }
  }

  canTake({ client, upstream, signal }: Pair): boolean {
    return !signal.aborted && canBorrow(client) && canBorrow(upstream) && this.#idlest() !== undefined
  }

  take(pair: Pair, sweep: LimitSweep, predecessor?: Swept): void {
    this.#taken += 1
    const loan = new Loan(pair, this.#idlest()!, sweep, this.#clock)
    if (predecessor) sweep.replace(predecessor, loan)
    else sweep.add(loan)
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()))
  }

  #idlest(): RelayThread | undefined {
    let idlest: RelayThread | undefined
    for (const thread of this.#threads) {
      if (thread.usable && (!idlest || thread.load < idlest.load)) idlest = thread
    }
    return idlest
  }
}

/** One pair while a thread has it. Limits are looked after here, by the counts in the shared table. */
class Loan implements Lender, Swept {
  readonly #pair: Pair
  readonly #sockets: readonly [Socket, Socket]
  readonly #borrowed: readonly [Borrowed, Borrowed]
  readonly #thread: RelayThread
  readonly #sweep: LimitSweep
  readonly #row: number
  /** What had been counted before. */
  readonly #upBefore: number
  readonly #downBefore: number
  /** From the start of the pair to the start of the loan. */
  readonly #msBefore: number
  /** Why the pair was asked back, if it was; then how it ended. */
  #end: RelayEnd | undefined
  #broken: Side | undefined
  #open = 2

  constructor(pair: Pair, thread: RelayThread, sweep: LimitSweep, clock: Clock) {
    this.#pair = pair
    this.#thread = thread
    this.#sweep = sweep
    this.#upBefore = pair.counts.bytesUp
    this.#downBefore = pair.counts.bytesDown
    this.#msBefore = clock.monotonic() - pair.startedAt
    this.#sockets = [pair.client as Socket, pair.upstream as Socket]
    const a = borrow(this.#sockets[0], () => this.#askBack('client-reset'))
    const b = borrow(this.#sockets[1], () => this.#askBack('upstream-reset'))
    this.#borrowed = [a, b]
    this.#row = thread.lend({ fd: a.fd, early: a.early }, { fd: b.fd, early: b.early }, this)
    pair.signal.addEventListener('abort', this.#abort)
    for (const socket of this.#sockets) {
      socket.on('error', ignore)
      socket.once('close', this.#closed)
    }
  }

  /** Also brings the live counts up to date, which is often enough for people. */
  progress(): number {
    const { counts } = this.#pair
    counts.bytesUp = this.#upBefore + this.#cell(BYTES_UP)
    counts.bytesDown = this.#downBefore + this.#cell(BYTES_DOWN)
    return counts.bytesUp + counts.bytesDown + this.#cell(FINS)
  }

  expire(reason: Expiry): void {
    this.#askBack(reason === 'linger' ? `${this.#broken ?? 'client'}-reset` : reason)
  }

  lingering(side: Side): void {
    this.#broken = side
    this.#sweep.linger(this, LINGER_MS)
  }

  abandoned(): void {
    this.#broken = 'client'
    this.#sweep.hurry(this, ABANDONED_MS)
  }

  ended(how: WorkerEnd, told: Side | undefined): void {
    this.progress()
    const firstByteMs = this.#cell(FIRST_BYTE_MS)
    if (firstByteMs >= 0) this.#pair.firstByteMs ??= this.#msBefore + firstByteMs
    this.#sweep.remove(this)
    this.#pair.signal.removeEventListener('abort', this.#abort)
    this.#end = how === 'released' ? (this.#end ?? 'aborted') : how
    for (const borrowed of this.#borrowed) borrowed.giveBack()
    const whole = told && this.#sockets[told === 'client' ? 0 : 1]
    for (const socket of this.#sockets) {
      if (how === 'finished') socket.destroy()
      else if (socket === whole) closeInOrder(socket)
      else reset(socket)
    }
  }

  #cell(column: number): number {
    return this.#thread.rows[this.#row * ROW + column]!
  }

  #askBack(why: RelayEnd): void {
    if (this.#end) return
    this.#end = why
    this.#thread.release(this.#row)
  }

  readonly #abort = (): void => this.#askBack('aborted')

  readonly #closed = (): void => {
    this.#open -= 1
    if (this.#open === 0) settle(this.#pair, this.#end ?? 'finished')
  }
}

/** Stays attached for good: a late error must find a listener. */
const ignore = (): void => {}
