import { closeSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import type { ClientCountsMemory } from '../../front/client-counts.ts'
import { type FromFront, type FrontMemory, MAX_CLIENTS, MAX_DOORS, type ToFront } from '../../front/messages.ts'
import { ROW } from '../../relay/worker-protocol.ts'
import { ring } from '../../system/bell.ts'
import { resetOnClose } from '../../system/linux/sockets.ts'
import { startThread } from '../../system/start-thread.ts'

export interface FrontThreadOptions {
  readonly onMessage: (message: FromFront) => void
  /** The thread could not start or has died. Its descriptors have been closed, but for the listening ones. */
  readonly onLost: (reason: string) => void
  /** Where the thread counts the captured connections of each client. */
  readonly clients: ClientCountsMemory
  /** For tests of threads that fail. */
  readonly startWorker?: (memory: FrontMemory) => Worker
}

/** The front's thread as the main thread sees it: messages and shared memory. */
export class FrontThread {
  readonly rows: Float64Array
  readonly connections: Int32Array
  /** Fulfilled when it serves, or never will. */
  readonly started: Promise<void>
  readonly #descriptors: Int32Array
  readonly #epoch: Int32Array
  readonly #options: FrontThreadOptions
  readonly #worker: Worker
  readonly #exited: Promise<void>
  #wakeDescriptor: number | undefined
  #outbox: ToFront[] = []
  #answers: (number | string)[] = []
  #flushing = false
  #closing = false
  #lost = false

  constructor(options: FrontThreadOptions) {
    const memory: FrontMemory = {
      rows: new SharedArrayBuffer(MAX_CLIENTS * ROW * Float64Array.BYTES_PER_ELEMENT),
      descriptors: new SharedArrayBuffer(MAX_CLIENTS * 2 * Int32Array.BYTES_PER_ELEMENT),
      connections: new SharedArrayBuffer(MAX_DOORS * 2 * Int32Array.BYTES_PER_ELEMENT),
      clients: options.clients,
      epoch: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    }
    this.rows = new Float64Array(memory.rows)
    this.#descriptors = new Int32Array(memory.descriptors)
    this.connections = new Int32Array(memory.connections)
    this.#epoch = new Int32Array(memory.epoch)
    this.#options = options
    const worker = (options.startWorker ?? startFrontWorker)(memory)
    this.#worker = worker
    this.started = new Promise((resolve) => {
      worker.on('message', (message: FromFront) => {
        if (message.kind === 'ready') {
          this.#wakeDescriptor = message.wakeDescriptor
          if (this.#closing) return this.#flush()
        }
        if (message.kind === 'unusable') this.#gone(message.reason)
        else options.onMessage(message)
        resolve()
      })
      worker.on('exit', () => resolve())
    })
    worker.on('error', (error) => this.#gone(error.message))
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#gone('the thread ended')
        resolve()
      })
    })
    process.on('exit', this.#shut)
  }

  get usable(): boolean {
    return this.#wakeDescriptor !== undefined && !this.#closing
  }

  tell(message: ToFront): void {
    if (this.#closing) return
    this.#outbox.push(message)
    this.#flush()
  }

  /** The number of the epoch, in which the same question has the same answer. */
  get epoch(): number {
    return Atomics.load(this.#epoch, 0)
  }

  /** From this moment on no client is served by a decision made before. */
  nextEpoch(): void {
    Atomics.add(this.#epoch, 0, 1)
  }

  /**
   * Addresses for a client, sent together with those for others that the same turn of the event loop has found. `decision`: under which number they
   * serve others too who ask the same in this epoch; -1: nobody else.
   */
  answer(client: number, addresses: readonly string[], decision: number, epoch: number): void {
    this.#answers.push(client, decision, epoch, addresses.length, ...addresses)
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  async close(): Promise<void> {
    this.#worker.ref()
    this.#shut()
    await this.#exited
  }

  readonly #shut = (): void => {
    if (this.#closing) return
    this.#closing = true
    this.#outbox.push({ kind: 'close' })
    this.#flush()
  }

  #flush(): void {
    if (this.#wakeDescriptor === undefined) return
    if (this.#answers.length > 0) this.#outbox.push({ kind: 'answers', answers: this.#answers })
    if (this.#outbox.length === 0) return
    this.#worker.postMessage(this.#outbox)
    this.#outbox = []
    this.#answers = []
    ring(this.#wakeDescriptor)
  }

  /** An orderly end would say that all has been sent. */
  #breakOff(fd: number): void {
    resetOnClose(fd)
    closeSync(fd)
  }

  #gone(reason: string): void {
    if (this.#lost) return
    this.#lost = true
    process.off('exit', this.#shut)
    if (this.#wakeDescriptor !== undefined) closeSync(this.#wakeDescriptor)
    this.#wakeDescriptor = undefined
    for (const fd of this.#descriptors) if (fd > 0) this.#breakOff(fd)
    this.#descriptors.fill(0)
    this.connections.fill(0)
    new Int32Array(this.#options.clients.front).fill(0)
    const expected = this.#closing
    this.#closing = true
    if (!expected) this.#options.onLost(reason)
  }
}

/** MiB of the thread's young generation. What it makes lives for microseconds or for a tunnel's life; more room would only be touched, not needed. */
const YOUNG_MIB = 4

function startFrontWorker(workerData: FrontMemory): Worker {
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MIB }
  return startThread(new URL('./front-worker.js', import.meta.url), { workerData, name: 'front', resourceLimits })
}
