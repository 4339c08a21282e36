import { closeSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { atExit } from '../system/at-exit.ts'
import { ring } from '../system/bell.ts'
import { startThread } from '../system/start-thread.ts'
import {
  FIRST_BYTE_MS,
  type FromWorker,
  type Lent,
  MAX_TUNNELS,
  ROW,
  type Side,
  type ToWorker,
  type WorkerData,
  type WorkerEnd,
} from './worker-protocol.ts'

/** What a tunnel's owner hears from the thread. `ended` comes exactly once, even if the thread dies. */
export interface Lender {
  lingering(side: Side): void
  abandoned(): void
  ended(how: WorkerEnd, told: Side | undefined): void
}

/** A worker as the main thread sees it: rows of a table lent out, messages in, messages back. */
export class RelayThread {
  readonly rows: Float64Array
  readonly #worker: Worker
  readonly #lenders = new Map<number, Lender>()
  readonly #freeRows: number[] = []
  readonly #onGone: (reason: string) => void
  #rowsUsed = 0
  #wakeDescriptor: number | undefined
  #outbox: ToWorker[] = []
  #closing = false
  /** Fulfilled when the thread can take tunnels, or never will. */
  readonly started: Promise<void>
  readonly #exited: Promise<void>
  readonly #notAtExit: () => void

  constructor(
    pipeSharers: number,
    onGone: (reason: string) => void,
    start: (data: WorkerData) => Worker = startWorker,
  ) {
    const shared = new SharedArrayBuffer(MAX_TUNNELS * ROW * Float64Array.BYTES_PER_ELEMENT)
    this.rows = new Float64Array(shared)
    this.#onGone = onGone
    this.#worker = start({ rows: shared, pipeSharers })
    this.started = new Promise((resolve) => {
      this.#worker.on('message', (batch: FromWorker[]) => {
        for (const message of batch) this.#receive(message)
        if (this.#lenders.size === 0 && !this.#closing) this.#worker.unref() // from here on it keeps nothing alive
        resolve()
      })
      this.#worker.on('error', (error) => this.#gone(error.message))
      this.#worker.on('exit', () => resolve())
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#gone('the thread ended')
        resolve()
      })
    })
    this.#notAtExit = atExit(this.#shut)
  }

  get usable(): boolean {
    return this.#wakeDescriptor !== undefined && !this.#closing && this.#lenders.size < MAX_TUNNELS
  }

  get load(): number {
    return this.#lenders.size
  }

  /** Lends two descriptors; returns the tunnel's row. Only while `usable`. */
  lend(client: Lent, upstream: Lent, lender: Lender): number {
    const row = this.#freeRows.pop() ?? this.#rowsUsed++
    this.rows.fill(0, row * ROW, (row + 1) * ROW)
    this.rows[row * ROW + FIRST_BYTE_MS] = -1
    this.#lenders.set(row, lender)
    // Sockets that Node does not read keep no process alive; their tunnels shall.
    if (this.#lenders.size === 1) this.#worker.ref()
    this.#send({ kind: 'add', row, client, upstream })
    return row
  }

  release(row: number): void {
    this.#send({ kind: 'release', row })
  }

  async close(): Promise<void> {
    this.#worker.ref()
    this.#shut()
    await this.#exited
  }

  readonly #shut = (): void => {
    this.#closing = true
    this.#outbox.push({ kind: 'close' })
    this.#flush()
  }

  #receive(message: FromWorker): void {
    if (message.kind === 'ready') {
      this.#wakeDescriptor = message.wakeDescriptor
      if (this.#closing) this.#flush()
    } else if (message.kind === 'unusable') this.#gone(message.reason)
    else {
      const lender = this.#lenders.get(message.row)
      if (message.kind === 'lingering') lender?.lingering(message.side)
      else if (message.kind === 'abandoned') lender?.abandoned()
      else this.#ended(message.row, message.how, message.told)
    }
  }

  #ended(row: number, how: WorkerEnd, told: Side | undefined): void {
    const lender = this.#lenders.get(row)
    if (!lender) return
    this.#lenders.delete(row)
    lender.ended(how, told) // reads its row once more
    this.#freeRows.push(row)
  }

  /** One message and one ring for all that one turn of the event loop has to say. */
  #send(message: ToWorker): void {
    if (this.#outbox.push(message) === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    if (this.#outbox.length === 0 || this.#wakeDescriptor === undefined) return
    this.#worker.postMessage(this.#outbox)
    this.#outbox = []
    ring(this.#wakeDescriptor)
  }

  #gone(reason: string): void {
    this.#notAtExit()
    if (this.#wakeDescriptor !== undefined) closeSync(this.#wakeDescriptor)
    this.#wakeDescriptor = undefined
    if (!this.#closing) this.#onGone(reason)
    this.#closing = true
    for (const row of [...this.#lenders.keys()]) this.#ended(row, 'released', undefined)
  }
}

function startWorker(workerData: WorkerData): Worker {
  return startThread(new URL('./relay-worker.js', import.meta.url), { workerData, name: 'relay' })
}
