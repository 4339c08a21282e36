import { closeSync } from 'node:fs'
import type { Worker } from 'node:worker_threads'
import { GatewayError } from '../../contracts/gateway-error.ts'
import { atExit } from '../../system/at-exit.ts'
import { ring } from '../../system/bell.ts'
import { startThread } from '../../system/start-thread.ts'
import type { OwnedAddresses } from '../../wire/address-owners.ts'
import {
  type Carried,
  COUNTS,
  DATAGRAM_COST,
  type FromWorker,
  LOST,
  MAX_DOWN,
  POSTED,
  TAKEN_PORT,
  type ToWorker,
  TURN_COST,
  type WorkerData,
} from './datagram-protocol.ts'

/** The two ends of a datagram: who has sent the first one, and where to. */
export type Ends = Omit<Carried, 'end'>

export interface DatagramThreadOptions {
  /** Descriptors of transparent UDP sockets; closed by whoever opened them, when the thread has ended. */
  readonly sockets: readonly number[]
  /** Kept open at once, for answers. */
  readonly replySockets: number
  onDatagram(ends: Ends, data: Buffer): void
  /** The thread has died; no datagram comes any more. */
  onGone(reason: string): void
}

/** The datagram thread as the main thread sees it. */
export class DatagramThread {
  readonly #options: DatagramThreadOptions
  readonly #worker: Worker
  readonly #counts: Int32Array
  #wakeDescriptor: number | undefined
  #closing = false
  #replies: { readonly ends: Ends; readonly data: Buffer }[] = []
  #unreachable: Ends[] = []
  #isFlushing = false
  #lost = 0
  readonly #started: Promise<{ readonly tellsUnreachable: boolean }>
  readonly #exited: Promise<void>
  readonly #notAtExit: () => void

  private constructor(options: DatagramThreadOptions) {
    this.#options = options
    const counts = new SharedArrayBuffer(COUNTS * Int32Array.BYTES_PER_ELEMENT)
    this.#counts = new Int32Array(counts)
    this.#worker = startWorker({ sockets: options.sockets, replySockets: options.replySockets, counts })
    this.#started = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: FromWorker) => {
        if (message.kind === 'datagrams') return this.#take(message.carried, message.bytes)
        if (message.kind === 'unusable') return reject(unusable(message.reason))
        this.#wakeDescriptor = message.wakeDescriptor
        this.#worker.unref()
        resolve(message)
      })
      this.#worker.on('error', (error) => {
        reject(unusable(error.message))
        this.#gone(error.message)
      })
      this.#worker.on('exit', () => reject(unusable('it ended')))
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#gone('the thread ended')
        resolve()
      })
    })
    this.#notAtExit = atExit(this.#shut)
  }

  /** Rejects with a `GatewayError` when the thread cannot do its work here. */
  static async start(options: DatagramThreadOptions): Promise<{ thread: DatagramThread; tellsUnreachable: boolean }> {
    const thread = new DatagramThread(options)
    return { thread, ...(await thread.#started) }
  }

  /** A reply to a client, from the far side it has sent to. Dropped when too much is under way. */
  reply(ends: Ends, data: Buffer): void {
    const cost = data.length + DATAGRAM_COST
    if (Atomics.load(this.#counts, POSTED.down) + cost > MAX_DOWN) {
      this.#lost += 1
      return
    }
    Atomics.add(this.#counts, POSTED.down, cost)
    this.#replies.push({ ends, data })
    this.#flushLater()
  }

  /**
   * Datagrams lost since it was last asked: not carried, either way, for there were too many; on their way to the clients, not taken by the system; and
   * not to be sent, for somebody else has the port that they must come from, the last of which is told.
   */
  lost(): Readonly<Record<'overrun' | 'unsent' | 'port-taken' | 'port', number>> {
    const taken = (place: number) => Atomics.exchange(this.#counts, place, 0)
    const overrun = this.#lost + taken(LOST.up)
    this.#lost = 0
    return {
      overrun,
      unsent: taken(LOST.unsent),
      'port-taken': taken(LOST['port-taken']),
      port: Atomics.load(this.#counts, TAKEN_PORT),
    }
  }

  /** In whose name addresses are, from now on: clients wait, and are answered, each in its own. */
  own(owned: OwnedAddresses): void {
    this.#post({ kind: 'owned', owned })
    this.#ring()
  }

  /** Tells a client that nobody serves what it has sent to. */
  unreachable(ends: Ends): void {
    if (this.#unreachable.length >= MAX_UNREACHABLE) return
    this.#unreachable.push(ends)
    this.#flushLater()
  }

  async close(): Promise<void> {
    this.#worker.ref()
    this.#shut()
    await this.#exited
  }

  readonly #shut = (): void => {
    if (this.#closing) return
    this.#closing = true
    this.#flush()
    this.#post({ kind: 'close' })
    this.#ring()
  }

  #take(carried: readonly Carried[], bytes: Uint8Array): void {
    Atomics.sub(this.#counts, POSTED.up, bytes.length + carried.length * TURN_COST)
    if (this.#closing) return
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    let from = 0
    for (const { end, ...ends } of carried) {
      this.#options.onDatagram(ends, all.subarray(from, end))
      from = end
    }
  }

  /** One message and one ring for all that one turn of the event loop has to say. */
  #flushLater(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#isFlushing = false
    const [replies, ends] = [this.#replies, this.#unreachable]
    this.#replies = []
    this.#unreachable = []
    if (replies.length > 0) {
      let end = 0
      const carried = replies.map(({ ends, data }) => {
        end += data.length
        return { ...ends, end }
      })
      const bytes = new Uint8Array(end)
      for (const [place, { data }] of replies.entries()) bytes.set(data, carried[place]!.end - data.length)
      this.#post({ kind: 'replies', carried, bytes }, [bytes.buffer])
    }
    if (ends.length > 0) this.#post({ kind: 'unreachable', ends })
    if (replies.length + ends.length > 0) this.#ring()
  }

  #post(message: ToWorker, handedOver: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, handedOver)
  }

  #ring(): void {
    if (this.#wakeDescriptor !== undefined) ring(this.#wakeDescriptor)
  }

  #gone(reason: string): void {
    this.#notAtExit()
    if (this.#wakeDescriptor !== undefined) closeSync(this.#wakeDescriptor)
    this.#wakeDescriptor = undefined
    if (this.#closing) return
    this.#closing = true
    this.#options.onGone(reason)
  }
}

/** Clients to be told in one turn of the event loop; the thread has a limit a second beside. */
const MAX_UNREACHABLE = 1_000

function unusable(reason: string): GatewayError {
  return new GatewayError('INTERNAL', `capture: datagrams cannot be taken in: ${reason}`, {
    hint: 'docs/udp.md says what this needs; `capture.udp: deny` refuses UDP in the kernel.',
  })
}

function startWorker(workerData: WorkerData): Worker {
  return startThread(new URL('./datagram-worker.js', import.meta.url), { workerData, name: 'datagrams' })
}
