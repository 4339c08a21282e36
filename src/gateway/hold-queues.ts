import type { Clock } from '../contracts/clock.ts'
import { toGatewayError } from '../contracts/gateway-error.ts'
import type { HeldSyn } from '../passthrough/hold/queue-messages.ts'
import type { SynQueue } from '../passthrough/hold/syn-queue.ts'
import type { AnswerHeld } from '../passthrough/pending-holds.ts'
import type { Settings } from '../settings/settings.ts'
import { every } from './every.ts'
import { openHoldQueue } from './hold-queue.ts'
import type { InTurn } from './in-turn.ts'
import { seldom } from './seldom.ts'

export interface HoldQueuesParts {
  readonly clock: Clock
  /** Does what changes the kernel, after what is under way. */
  readonly turns: Pick<InTurn, 'inBackground'>
  /** The settings in force; undefined: none yet. */
  settings(): Settings['capture'] | undefined
  held(syn: HeldSyn, answer: AnswerHeld): void
  /** In use. */
  queue(): SynQueue | undefined
  /** Takes another one into use, or none, with the rules that go with it. Answers whether attempts are held then; rejects with everything as it was, and the queue is still the caller's. */
  exchange(queue: SynQueue | undefined): Promise<boolean>
  inform(message: string): void
  warn(message: string): void
}

/** What one version of the settings holds attempts in. */
export interface HeldIn {
  readonly queue: SynQueue | undefined
  /** As these settings want it: somebody else has it. */
  readonly awaited: Settings['capture'] | undefined
}

/** Milliseconds between warnings that attempts were dropped before anybody has seen them. */
const UNSEEN_LOG_MS = 60_000
/** Milliseconds between tries to get a queue that somebody else has: a gateway that ends gives it up right after its last flow. */
const RETRY_MS = 1_000
/** Tries: an hour, the longest that the settings let a gateway drain. Who has it then will keep it. */
const TRIES = 3_600

/** Opens the queue in which attempts wait, as the settings want it, and waits for one that a gateway before us still has. */
export class HoldQueues {
  readonly #parts: HoldQueuesParts
  readonly #openQueue: typeof openHoldQueue
  #stop = () => {}
  readonly #tellUnseen: () => void
  /** Attempts that were dropped unseen and are not told of yet. */
  #unseen = 0

  /** `open`: for tests, without a kernel. */
  constructor(parts: HoldQueuesParts, open: typeof openHoldQueue = openHoldQueue) {
    this.#parts = parts
    this.#openQueue = open
    this.#tellUnseen = seldom<void>(parts.clock, UNSEEN_LOG_MS, () => {
      parts.warn(tooFast(this.#unseen))
      this.#unseen = 0
    })
  }

  /** The one that is open, another, or none. Nothing is waited for until `use`. Throws where the settings do not do without. */
  for({ capture }: Settings, current: SynQueue | undefined): HeldIn {
    this.#stop()
    if (capture.hold === 'off') return { queue: undefined, awaited: undefined }
    if (current?.number === capture.queue) return { queue: current, awaited: undefined }
    try {
      return { queue: this.#open(capture), awaited: undefined }
    } catch (thrown) {
      if (capture.hold === 'required') throw thrown
      const { message, hint, said } = toGatewayError(thrown)
      const isTaken = said === TAKEN
      const again = isTaken ? '; it is tried again every second' : ''
      const result = 'captured connections are accepted before the way out stands'
      this.#parts.warn(`${message}; ${result}${again}${hint ? `. ${hint}` : ''}`)
      return { queue: undefined, awaited: isTaken ? capture : undefined }
    }
  }

  /** This is in force. */
  use({ awaited: capture }: Pick<HeldIn, 'awaited'>): void {
    this.#stop()
    if (!capture) return
    let tries = 0
    let isOver = false
    const cancel = every(RETRY_MS, this.#parts.clock, () => {
      tries += 1
      this.#parts.turns.inBackground(async () => {
        if (isOver) return
        const queue = this.#tryAgain(capture)
        if (!queue && tries < TRIES) return
        this.#stop()
        if (!queue)
          this.#parts.warn(`capture: queue ${capture.queue} is still somebody else's; the next reload tries again`)
        else if (await this.#exchange(queue)) {
          this.#parts.inform(`capture: queue ${capture.queue} is free; connection attempts are held from now on`)
        }
      })
    })
    this.#stop = () => {
      isOver = true
      cancel()
    }
  }

  /** Nothing is to be held any more. */
  stop(): void {
    this.#stop()
  }

  /** One that is nobody's would be in the way of the next try. */
  async #exchange(queue: SynQueue): Promise<boolean> {
    try {
      return await this.#parts.exchange(queue)
    } catch (thrown) {
      if (this.#parts.queue() !== queue) await queue.close()
      throw thrown
    }
  }

  #tryAgain(capture: Settings['capture']): SynQueue | undefined {
    try {
      return this.#open(capture)
    } catch {
      return undefined
    }
  }

  #open(capture: Settings['capture']): SynQueue {
    const { clock, settings, held } = this.#parts
    const lost = (queue: SynQueue, reason: string) => this.#parts.turns.inBackground(() => this.#lost(queue, reason))
    const unseen = (count: number) => {
      this.#unseen += count
      this.#tellUnseen()
    }
    return this.#openQueue(capture, { clock, settings, held, unseen, lost })
  }

  /** What nobody answers must not be held. */
  async #lost(queue: SynQueue, reason: string): Promise<void> {
    if (this.#parts.queue() !== queue) return
    this.#parts.warn(`capture: connection attempts can no longer be held (${reason}); they are accepted first`)
    await this.#parts.exchange(undefined)
  }
}

function tooFast(count: number): string {
  return `capture: ${count} connection attempts came faster than this process reads them and were dropped unseen; their clients send again after a second or more. fairlead needs more of a processor, or a container floods it`
}

/** What the kernel says where another socket has the queue (nfqnl_recv_config), and where the capability is missing, without which there are no rules either. */
const TAKEN = 'EPERM'
