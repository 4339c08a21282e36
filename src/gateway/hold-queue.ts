import { toGatewayError } from '../contracts/gateway-error.ts'
import type { HeldSyn } from '../passthrough/hold/queue-messages.ts'
import { SynQueue } from '../passthrough/hold/syn-queue.ts'
import type { AnswerHeld } from '../passthrough/pending-holds.ts'
import { HELD_MARK } from '../passthrough/rules/capture-plan.ts'
import type { Settings } from '../settings/settings.ts'

export interface HoldQueueParts {
  /** The mark of the settings in force. */
  mark(): number
  held(syn: HeldSyn, answer: AnswerHeld): void
  lost(queue: SynQueue, reason: string): void
  warn(message: string): void
}

/**
 * Packets that the kernel holds for us at once. Each is one attempt, of the front's 2,048 or of the 4,096 of `PendingHolds`; with room for those that are
 * about to be told that there is none, so that it is noticed: what the kernel drops nobody sees.
 */
const QUEUE_LENGTH = 8192

/** The queue in which attempts wait; undefined where none is wanted, or the kernel has none and none is required. Throws otherwise. */
export function openHoldQueue(capture: Settings['capture'], parts: HoldQueueParts): SynQueue | undefined {
  if (capture.hold === 'off') return undefined
  try {
    const queue: SynQueue = new SynQueue({
      queue: capture.queue,
      length: QUEUE_LENGTH,
      acceptMark: parts.mark,
      onSyn: (syn, answer) => parts.held(syn, (held) => answer(held && parts.mark() + HELD_MARK[held])),
      onLost: (reason) => parts.lost(queue, reason),
    })
    return queue
  } catch (thrown) {
    if (capture.hold === 'required') throw thrown
    const { message, hint } = toGatewayError(thrown)
    parts.warn(`${message}; captured connections are accepted before the way out stands${hint ? `. ${hint}` : ''}`)
    return undefined
  }
}
