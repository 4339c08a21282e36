import { getSystemErrorName } from 'node:util'
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
import { ReceiveBuffer } from '../../system/receive-buffer.ts'
import { startThread } from '../../system/start-thread.ts'
import { decodeMessages, NLMSG_ERROR } from '../netlink.ts'
import { closeQueue, openQueue, verdict } from './queue-messages.ts'
import type { FromQueueWorker, QueueWorkerData } from './syn-queue.ts'

export interface QueueBindingOptions {
  /** Number of the kernel's queue, 1 to 65535. */
  readonly queue: number
  /** Packets that may wait at once. */
  readonly length: number
  /** From the thread that reads; none after `close`. */
  onMessage(message: FromQueueWorker): void
  /** The thread has died. */
  onError(error: Error): void
}

/** Milliseconds that the thread sleeps at most, so that a process that ends in a hurry need not wait for it longer. */
const LONGEST_SLEEP_MS = 1_000
const REPLY_BYTES = 8192
/**
 * Bytes of attempts that wait to be read: some 20,000, for the kernel takes twice that and counts 832 for each. A start of many containers, or one program's loop over
 * sockets that do not wait, makes them faster than they can be dialled; the system's own buffer has room for 256.
 */
const RECEIVE_BUFFER = 8 * 1024 * 1024

/**
 * A queue of the kernel, bound to a socket of its own. The kernel counts a queue's packets from 1 with each binding, and takes verdicts from that socket
 * alone: so a packet's number means something together with its binding only.
 */
export class QueueBinding {
  readonly #options: QueueBindingOptions
  readonly #fd: number
  readonly #buffer: ReceiveBuffer
  /** One Int32: not 0 means that the thread has to end. */
  readonly #stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  readonly #exited: Promise<void>
  #closed = false

  /** Throws a `GatewayError` where the kernel has no queues, or somebody has this one. */
  constructor(options: QueueBindingOptions) {
    this.#options = options
    this.#fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)
    if (this.#fd < 0) throw unusable(-errno(), options.queue)
    this.#buffer = new ReceiveBuffer(this.#fd, RECEIVE_BUFFER)
    try {
      const timeout = new BigInt64Array([BigInt(LONGEST_SLEEP_MS / 1000), 0n])
      setSocketOption(this.#fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer), 16)
      switchOn(this.#fd, SOL_NETLINK, NETLINK_NO_ENOBUFS)
      for (const message of openQueue(options.queue, options.length)) this.#ask(message)
    } catch (thrown) {
      close(this.#fd)
      throw thrown
    }
    const workerData: QueueWorkerData = { fd: this.#fd, stop: this.#stop }
    const worker = startThread(new URL('./queue-worker.js', import.meta.url), { workerData, name: 'capture' })
    worker.unref()
    worker.on('message', (message: FromQueueWorker) => this.#closed || options.onMessage(message))
    worker.on('error', (error) => this.#closed || options.onError(error))
    this.#exited = new Promise((resolve) => worker.once('exit', () => resolve()))
  }

  /** Sends a packet through the rules again with this mark; without one it is dropped. Each packet gets one answer. */
  answer(packet: number, mark: number | undefined): void {
    if (this.#closed) return
    const bytes = verdict(this.#options.queue, packet, mark)
    // The kernel takes a verdict at once or finds no such packet any more, which is all the same to us.
    send(this.#fd, bytes, bytes.length, 0)
  }

  /** A descriptor of the same socket for somebody else, who closes it. Negative: there can be none. */
  lend(): number {
    return duplicate(this.#fd)
  }

  /** Attempts that there was no room for, since it was last asked; also those that somebody else was to read. */
  lost(): number {
    return this.#buffer.lost()
  }

  /** Somebody else reads from here on. What has been read before is still told. */
  leave(): void {
    Atomics.store(new Int32Array(this.#stop), 0, 1)
  }

  /** Gives the queue back at once; what waits in it is dropped. Fulfilled when its thread and its socket are gone. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.wake()
    this.#closed = true
    await this.#exited
    this.#buffer.close()
    close(this.#fd)
  }

  /** The same for a process that ends this moment: without its queue's acknowledgement the thread would go on sleeping. */
  wake(): void {
    if (this.#closed) return
    this.leave()
    const bytes = closeQueue(this.#options.queue)
    send(this.#fd, bytes, bytes.length, 0)
  }

  #ask(message: Buffer): void {
    const { queue } = this.#options
    if (send(this.#fd, message, message.length, 0) < 0) throw unusable(-errno(), queue)
    const reply = Buffer.alloc(REPLY_BYTES)
    const bytes = receive(this.#fd, reply, reply.length, 0)
    const answer =
      bytes < 0 ? undefined : decodeMessages(reply.subarray(0, bytes)).find(({ type }) => type === NLMSG_ERROR)
    if (answer?.error !== 0) throw unusable(answer?.error, queue)
  }
}

/** `code`: of the kernel's, negative; undefined: it has not answered. */
function unusable(code: number | undefined, queue: number): GatewayError {
  const reason = code ? getSystemErrorName(code) : 'no answer'
  const hint =
    reason === 'EPERM'
      ? 'It needs CAP_NET_ADMIN; or somebody has this queue: a gateway that is still ending, or another program. For the latter choose another capture.queue.'
      : 'Load the module nfnetlink_queue, or set capture.hold: off.'
  return new GatewayError('INTERNAL', `capture: connection attempts cannot be held in queue ${queue}: ${reason}`, {
    said: reason,
    hint,
  })
}
