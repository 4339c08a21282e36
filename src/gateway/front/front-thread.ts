import { closeSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import type { FromFront, FrontMemory, FrontsMemory, ToFront } from '../../front/messages.ts'
import { MAX_CLIENTS, MAX_DOORS } from '../../front/messages.ts'
import { ROW } from '../../relay/worker-protocol.ts'
import { atExit } from '../../system/at-exit.ts'
import { ring } from '../../system/bell.ts'
import { resetOnClose } from '../../system/linux/sockets.ts'
import { startThread } from '../../system/start-thread.ts'

export interface FrontThreadOptions {
  readonly onMessage: (message: FromFront) => void
  /** The thread could not start or has died. Its descriptors have been closed, but for the listening ones, of which those that are taken out of the table now are not. */
  readonly onLost: (reason: string) => void
  /** Shared with the other threads. */
  readonly memory: FrontsMemory
  /** Captured connections are this thread's, and it counts them by client. */
  readonly takesCaptured: boolean
  /** For tests of threads that fail. */
  readonly startWorker?: (memory: FrontMemory) => Worker
}

/** One thread of the front as the main thread sees it: messages and shared memory. */
export class FrontThread {
  readonly rows: Float64Array
  /** See `FrontMemory`. */
  readonly listening: Int32Array
  /** Fulfilled when it serves, or never will. */
  readonly started: Promise<void>
  readonly #descriptors: Int32Array
  readonly #own: Int32Array
  readonly #epoch: Int32Array
  readonly #options: FrontThreadOptions
  readonly #worker: Worker
  readonly #exited: Promise<void>
  readonly #notAtExit: () => void
  #wakeDescriptor: number | undefined
  #outbox: ToFront[] = []
  #answers: (number | string)[] = []
  #flushing = false
  #closing = false
  #lost = false

  constructor(options: FrontThreadOptions) {
    const maxClients = Math.floor(MAX_CLIENTS / options.memory.threads)
    const memory: FrontMemory = {
      ...options.memory,
      rows: new SharedArrayBuffer(maxClients * ROW * Float64Array.BYTES_PER_ELEMENT),
      descriptors: new SharedArrayBuffer(maxClients * 2 * Int32Array.BYTES_PER_ELEMENT),
      listening: new SharedArrayBuffer(MAX_DOORS * Int32Array.BYTES_PER_ELEMENT),
      own: new SharedArrayBuffer(MAX_DOORS * Int32Array.BYTES_PER_ELEMENT),
    }
    this.rows = new Float64Array(memory.rows)
    this.listening = new Int32Array(memory.listening)
    this.#descriptors = new Int32Array(memory.descriptors)
    this.#own = new Int32Array(memory.own)
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
    this.#notAtExit = atExit(this.#shut)
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
    this.#notAtExit()
    if (this.#wakeDescriptor !== undefined) closeSync(this.#wakeDescriptor)
    this.#wakeDescriptor = undefined
    for (const fd of this.#descriptors) if (fd > 0) this.#breakOff(fd)
    this.#descriptors.fill(0)
    this.#giveUpPlaces()
    const expected = this.#closing
    this.#closing = true
    if (!expected) this.#options.onLost(reason)
    // Whatever nobody has taken back: it was told to close them, and came to its end before.
    for (const fd of this.listening) if (fd > 0) closeSync(fd)
    this.listening.fill(0)
  }

  #giveUpPlaces(): void {
    const { memory, takesCaptured } = this.#options
    const connections = new Int32Array(memory.connections)
    for (const [door, own] of this.#own.entries()) if (own !== 0) Atomics.sub(connections, door * 2, own)
    this.#own.fill(0)
    if (takesCaptured) new Int32Array(memory.clients.front).fill(0)
  }
}

/** MiB of the thread's young generation. What it makes lives for microseconds or for a tunnel's life; more room would only be touched, not needed. */
const YOUNG_MIB = 4

function startFrontWorker(workerData: FrontMemory): Worker {
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MIB }
  return startThread(new URL('./front-worker.js', import.meta.url), { workerData, name: 'front', resourceLimits })
}
