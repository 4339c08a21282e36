import type { HeldSyn } from '../passthrough/hold/queue-messages.ts'
import { SynQueue } from '../passthrough/hold/syn-queue.ts'
import type { AnswerHeld } from '../passthrough/pending-holds.ts'
import { HELD_MARK } from '../passthrough/rules/capture-plan.ts'
import type { Settings } from '../settings/settings.ts'

export interface HoldQueueParts {
  /** The settings in force; undefined: none yet. */
  settings(): Settings['capture'] | undefined
  held(syn: HeldSyn, answer: AnswerHeld): void
  lost(queue: SynQueue, reason: string): void
}

/**
 * Packets that the kernel holds for us at once. Each is one attempt, of the front's 2,048 or of the 4,096 of `PendingHolds`; with room for those that are
 * about to be told that there is none, so that it is noticed: what the kernel drops nobody sees.
 */
const QUEUE_LENGTH = 8192

/** The queue in which attempts wait. Throws a `GatewayError` where the kernel has none, or somebody has this one. */
export function openHoldQueue(capture: Settings['capture'], { settings, held, lost }: HoldQueueParts): SynQueue {
  const mark = () => (settings() ?? capture).mark
  const queue: SynQueue = new SynQueue({
    queue: capture.queue,
    length: QUEUE_LENGTH,
    acceptMark: mark,
    onSyn(syn, answer) {
      // Switched off, and the rules not yet: dropped, it is sent again, and goes where the system leads it.
      if (settings()?.enabled === false) answer(undefined)
      else held(syn, (as) => answer(as && mark() + HELD_MARK[as]))
    },
    onLost: (reason) => lost(queue, reason),
  })
  return queue
}
