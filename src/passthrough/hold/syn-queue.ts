import { getSystemErrorName } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { GatewayError } from '../../contracts/gateway-error.ts'
import { close, duplicate } from '../../system/linux/descriptors.ts'
import { errno } from '../../system/linux/libc.ts'
import {
  AF_NETLINK,
  NETLINK_NETFILTER,
  NETLINK_NO_ENOBUFS,
  SO_RCVTIMEO,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from '../../system/linux/socket-numbers.ts'
import { receive, send, setSocketOption, socket, switchOn } from '../../system/linux/sockets.ts'
import { startThread } from '../../system/start-thread.ts'
import { decodeMessages, NLMSG_ERROR } from '../netlink.ts'
import { closeQueue, type HeldSyn, openQueue, verdict } from './queue-messages.ts'

export interface QueueWorkerData {
  readonly fd: number
  /** One Int32: not 0 means end. */
  readonly stop: SharedArrayBuffer
}

export type FromQueueWorker =
  | { readonly kind: 'packets'; readonly syns: readonly HeldSyn[]; readonly unread: readonly number[] }
  | { readonly kind: 'lost'; readonly code: number }

export interface SynQueueOptions {
  /** Number of the kernel's queue, 1 to 65535. */
  readonly queue: number
  /** Packets that may wait at once. */
  readonly length: number
  /** Mark for packets that are no connection attempt we can read: taken at once. */
  acceptMark(): number
  onSyn(syn: HeldSyn): void
  onLost(reason: string): void
}

/** The thread that sleeps until something comes. */
interface Reader {
  readonly stop: SharedArrayBuffer
  readonly exited: Promise<void>
}

function stopReading({ stop }: Reader): void {
  Atomics.store(new Int32Array(stop), 0, 1)
}

/** Milliseconds that the thread sleeps at most, so that a process that ends in a hurry need not wait for it longer. */
const LONGEST_SLEEP_MS = 1_000
const REPLY_BYTES = 8192

/** Connection attempts that the kernel holds until we have an answer (nfnetlink_queue). */
export class SynQueue {
  readonly #options: SynQueueOptions
  readonly #fd: number
  #reader: Reader
  readonly #onExit = () => this.#wake()
  #closed = false

  /** Throws a `GatewayError` where the kernel has no queues, or somebody has this one. */
  constructor(options: SynQueueOptions) {
    this.#options = options
    this.#fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)
    if (this.#fd < 0) throw unusable(getSystemErrorName(-errno()), options.queue)
    try {
      const timeout = new BigInt64Array([BigInt(LONGEST_SLEEP_MS / 1000), 0n])
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer), 16)
      switchOn(this.#fd, SOL_NETLINK, NETLINK_NO_ENOBUFS)
      for (const message of openQueue(options.queue, options.length)) this.#ask(message)
    } catch (thrown) {
      close(this.#fd)
      throw thrown
    }
    this.#reader = this.#read()
    process.on('exit', this.#onExit)
  }

  get number(): number {
    return this.#options.queue
  }

  /** Sends a packet through the rules again with this mark; without one it is dropped. Each packet gets one answer. */
  answer(packet: number, mark: number | undefined): void {
    if (this.#closed) return
    const bytes = verdict(this.#options.queue, packet, mark)
    // The kernel takes a verdict at once or finds no such packet any more, which is all the same to us.
    send(this.#fd, bytes, bytes.length, 0)
  }

  /** A descriptor for somebody else who takes attempts from here and answers them; he closes it. Negative: there can be none. */
  lend(): number {
    return this.#closed ? -1 : duplicate(this.#fd)
  }

  /** Whoever has such a descriptor reads it now. What had been read before is still told here. */
  leave(): void {
    stopReading(this.#reader)
  }

  /** Nobody else reads it any more. What he has not answered is dropped, and sent again by its clients. */
  takeBack(): void {
    if (this.#closed) return
    const { queue, length } = this.#options
    for (const message of [closeQueue(queue), ...openQueue(queue, length)]) send(this.#fd, message, message.length, 0)
    this.#reader = this.#read()
  }

  /** An attempt that he leaves to us. */
  held(syn: HeldSyn): void {
    if (!this.#closed) this.#options.onSyn(syn)
  }

  /** It cannot be read any more, says whoever does: an error number. */
  lostElsewhere(code: number): void {
    this.#receive({ kind: 'lost', code })
  }

  /** What still waits is dropped: its clients send again, and find what then stands there. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    process.off('exit', this.#onExit)
    this.#wake()
    await this.#reader.exited
    close(this.#fd)
  }

  #wake(): void {
    stopReading(this.#reader)
    const bytes = closeQueue(this.#options.queue)
    send(this.#fd, bytes, bytes.length, 0)
  }

  #read(): Reader {
    const stop = new SharedArrayBuffer(4)
    const worker = startWorker({ fd: this.#fd, stop })
    worker.unref()
    worker.on('message', (message: FromQueueWorker) => this.#receive(message))
    worker.on('error', (error) => this.#options.onLost(error.message))
    return { stop, exited: new Promise((resolve) => worker.once('exit', () => resolve())) }
  }

  #receive(message: FromQueueWorker): void {
    if (this.#closed) return
    if (message.kind === 'lost') {
      this.#options.onLost(getSystemErrorName(-message.code))
      return
    }
    for (const packet of message.unread) this.answer(packet, this.#options.acceptMark())
    for (const syn of message.syns) this.#options.onSyn(syn)
  }

  #ask(message: Buffer): void {
    if (send(this.#fd, message, message.length, 0) < 0) {
      throw unusable(getSystemErrorName(-errno()), this.#options.queue)
    }
    const reply = Buffer.alloc(REPLY_BYTES)
    const bytes = receive(this.#fd, reply, reply.length, 0)
    const answer =
      bytes < 0 ? undefined : decodeMessages(reply.subarray(0, bytes)).find(({ type }) => type === NLMSG_ERROR)
    if (answer?.error !== 0)
      throw unusable(answer?.error ? getSystemErrorName(answer.error) : 'no answer', this.#options.queue)
  }
}

function unusable(reason: string, queue: number): GatewayError {
  const hint =
    reason === 'EPERM'
      ? 'It needs CAP_NET_ADMIN; or another program has this queue: choose another capture.queue.'
      : 'Load the module nfnetlink_queue, or set capture.hold: off.'
  return new GatewayError('INTERNAL', `capture: connection attempts cannot be held in queue ${queue}: ${reason}`, {
    hint,
  })
}

function startWorker(workerData: QueueWorkerData): Worker {
  return startThread(new URL('./queue-worker.js', import.meta.url), { workerData, name: 'capture' })
}
