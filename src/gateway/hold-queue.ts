import type { Clock } from '../contracts/clock.ts'
import type { HeldSyn } from '../passthrough/hold/queue-messages.ts'
import { SynQueue } from '../passthrough/hold/syn-queue.ts'
import type { AnswerHeld } from '../passthrough/pending-holds.ts'
import { HELD_MARK } from '../passthrough/rules/capture-plan.ts'
import type { Settings } from '../settings/settings.ts'
import { every } from './every.ts'

export interface HoldQueueParts {
  /** The settings in force; undefined: none yet. */
  settings(): Settings['capture'] | undefined
  readonly clock: Clock
  held(syn: HeldSyn, answer: AnswerHeld): void
  /** Attempts were dropped because they came faster than they are read; told now and then. */
  unseen(count: number): void
  lost(queue: SynQueue, reason: string): void
}

/**
 * Packets that the kernel holds for us at once: more than the front's 2,048, the 4,096 of `PendingHolds` and all that wait to be read (`QueueBinding`) together. What finds no room
 * to wait to be read is counted with the socket; what the kernel drops for this number's sake, only where root can look.
 */
const QUEUE_LENGTH = 32_768

/** Milliseconds between looks whether any were dropped unseen. */
const LOOK_MS = 5_000

/** The queue in which attempts wait. Throws a `GatewayError` where the kernel has none, or somebody has this one. */
export function openHoldQueue(
  capture: Settings['capture'],
  { clock, settings, held, unseen, lost }: HoldQueueParts,
): SynQueue {
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
  const cancel = every(LOOK_MS, clock, () => {
    const count = queue.lost()
    if (count > 0) unseen(count)
    if (queue.isClosed) cancel()
  })
  return queue
}
