import { getSystemErrorName } from 'node:util'
import { toGatewayError } from '../../contracts/gateway-error.ts'
import { QueueBinding } from './queue-binding.ts'
import type { HeldSyn } from './queue-messages.ts'

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
  /** `answer`: sends it through the rules again with this mark, or drops it; once. Of a queue that has been given back it does nothing. */
  onSyn(syn: HeldSyn, answer: (mark: number | undefined) => void): void
  onLost(reason: string): void
}

/** Connection attempts that the kernel holds until we have an answer (nfnetlink_queue). */
export class SynQueue {
  readonly #options: SynQueueOptions
  #binding: QueueBinding
  readonly #onExit = () => this.#binding.wake()
  #closed = false

  /** Throws a `GatewayError` where the kernel has no queues, or somebody has this one. */
  constructor(options: SynQueueOptions) {
    this.#options = options
    this.#binding = this.#bind()
    process.on('exit', this.#onExit)
  }

  get number(): number {
    return this.#options.queue
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Attempts that came faster than they were read, since it was last asked: nobody has seen them. Their clients send again. */
  lost(): number {
    return this.#closed ? 0 : this.#binding.lost()
  }

  /** A descriptor for somebody else who takes attempts from here and answers them; he closes it. Negative: there can be none. */
  lend(): number {
    return this.#closed ? -1 : this.#binding.lend()
  }

  /** Whoever has such a descriptor reads it now. What had been read before is still told here. */
  leave(): void {
    this.#binding.leave()
  }

  /** Nobody else reads it any more. What he has not answered is dropped, and sent again by its clients. */
  takeBack(): void {
    if (this.#closed) return
    void this.#binding.close()
    try {
      this.#binding = this.#bind()
    } catch (thrown) {
      this.#options.onLost(toGatewayError(thrown).message)
    }
  }

  /** An attempt that he leaves to us. */
  held(syn: HeldSyn): void {
    if (!this.#closed) this.#tell(syn, this.#binding)
  }

  /** It cannot be read any more, says whoever does: an error number. */
  lostElsewhere(code: number): void {
    if (!this.#closed) this.#options.onLost(getSystemErrorName(-code))
  }

  /** What still waits is dropped: its clients send again, and find what then stands there. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    process.off('exit', this.#onExit)
    await this.#binding.close()
  }

  #bind(): QueueBinding {
    const { queue, length, onLost, acceptMark } = this.#options
    const binding: QueueBinding = new QueueBinding({
      queue,
      length,
      onMessage: (message) => {
        if (message.kind === 'lost') return this.lostElsewhere(message.code)
        for (const packet of message.unread) binding.answer(packet, acceptMark())
        for (const syn of message.syns) this.#tell(syn, binding)
      },
      onError: ({ message }) => onLost(message),
    })
    return binding
  }

  #tell(syn: HeldSyn, binding: QueueBinding): void {
    this.#options.onSyn(syn, (mark) => binding.answer(syn.packet, mark))
  }
}
