import type { Socket } from 'node:net'
import type { Clock } from '../contracts/clock.ts'
import type { Conn } from '../contracts/conn.ts'
import type { RelayCounts, RelayEnd, RelayResult } from '../contracts/relay.ts'
import { type Borrowed, borrow, canBorrow } from './borrow.ts'
import { LimitSweep, type Swept } from './limit-sweep.ts'
import { LINGER_MS, type RelayLimits } from './limits.ts'
import { type Lender, RelayThread } from './relay-thread.ts'
import { reset } from './reset.ts'
import { BYTES_DOWN, BYTES_UP, FINS, FIRST_BYTE_MS, ROW, type Side, type WorkerEnd } from './worker-protocol.ts'

export interface KernelRelayOptions extends RelayLimits {
  readonly clock: Clock
  readonly threads: number
  /** A thread could not start or has died; the portable relay takes over what comes. */
  readonly onThreadLost: (reason: string) => void
}

/** The relay for pairs of plain kernel sockets on Linux: their bytes never enter the process. */
export class KernelRelay {
  readonly #sweep: LimitSweep
  readonly #threads: readonly RelayThread[]
  readonly started: Promise<unknown>

  constructor(options: KernelRelayOptions) {
    this.#sweep = new LimitSweep(options, options.clock)
    this.#threads = Array.from({ length: options.threads }, () => new RelayThread(options.onThreadLost))
    this.started = Promise.all(this.#threads.map((thread) => thread.started))
  }

  /** Takes the pair, or says `undefined` and has touched nothing. */
  take(client: Conn, upstream: Conn, signal: AbortSignal, counts: RelayCounts): Promise<RelayResult> | undefined {
    if (signal.aborted || !canBorrow(client) || !canBorrow(upstream)) return undefined
    const thread = this.#idlest()
    if (!thread) return undefined
    return new Promise((resolve) => new Loan(client, upstream, signal, counts, thread, this.#sweep, resolve))
  }

  get pairs(): number {
    return this.#threads.reduce((sum, thread) => sum + thread.load, 0)
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
  readonly #client: Socket
  readonly #upstream: Socket
  readonly #borrowed: readonly Borrowed[]
  readonly #signal: AbortSignal
  readonly #counts: RelayCounts
  readonly #thread: RelayThread
  readonly #sweep: LimitSweep
  readonly #resolve: (result: RelayResult) => void
  readonly #row: number
  /** Why the pair was asked back, if it was. */
  #asked: RelayEnd | undefined
  #broken: Side | undefined
  #open = 2

  constructor(
    client: Socket,
    upstream: Socket,
    signal: AbortSignal,
    counts: RelayCounts,
    thread: RelayThread,
    sweep: LimitSweep,
    resolve: (result: RelayResult) => void,
  ) {
    this.#client = client
    this.#upstream = upstream
    this.#signal = signal
    this.#counts = counts
    this.#thread = thread
    this.#sweep = sweep
    this.#resolve = resolve
    const a = borrow(client, () => this.#askBack('client-reset'))
    const b = borrow(upstream, () => this.#askBack('upstream-reset'))
    this.#borrowed = [a, b]
    this.#row = thread.lend({ fd: a.fd, early: a.early }, { fd: b.fd, early: b.early }, this)
    sweep.add(this)
    signal.addEventListener('abort', this.#abort)
    for (const conn of [client, upstream]) {
      conn.on('error', ignore)
      conn.once('close', this.#closed)
    }
  }

  /** Also brings the live counts up to date, which is often enough for people. */
  progress(): number {
    const { rows } = this.#thread
    const at = this.#row * ROW
    this.#counts.bytesUp = rows[at + BYTES_UP]!
    this.#counts.bytesDown = rows[at + BYTES_DOWN]!
    return this.#counts.bytesUp + this.#counts.bytesDown + rows[at + FINS]!
  }

  expire(reason: 'idle' | 'lifetime' | 'linger'): void {
    this.#askBack(reason !== 'linger' ? reason : this.#broken === 'client' ? 'client-reset' : 'upstream-reset')
  }

  lingering(side: Side): void {
    this.#broken = side
    this.#sweep.linger(this, LINGER_MS)
  }

  ended(how: WorkerEnd): void {
    this.progress()
    const firstByteMs = this.#thread.rows[this.#row * ROW + FIRST_BYTE_MS]!
    this.#sweep.remove(this)
    this.#signal.removeEventListener('abort', this.#abort)
    this.#asked = how === 'released' ? (this.#asked ?? 'aborted') : how
    this.#firstByte = firstByteMs < 0 ? {} : { firstByteMs }
    for (const borrowed of this.#borrowed) borrowed.giveBack()
    for (const conn of [this.#client, this.#upstream]) {
      if (how === 'finished') conn.destroy()
      else reset(conn)
    }
  }

  #firstByte: { firstByteMs?: number } = {}

  readonly #abort = (): void => this.#askBack('aborted')

  readonly #closed = (): void => {
    this.#open -= 1
    if (this.#open > 0) return
    const { bytesUp, bytesDown } = this.#counts
    this.#resolve({ bytesUp, bytesDown, ...this.#firstByte, ended: this.#asked ?? 'finished' })
  }

  #askBack(why: RelayEnd): void {
    if (this.#asked) return
    this.#asked = why
    this.#thread.release(this.#row)
  }
}

/** Stays attached for good: a late error must find a listener. */
const ignore = (): void => {}
