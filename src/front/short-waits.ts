import { availableParallelism } from 'node:os'
import type { Ready, ReadyList } from './ready-list.ts'

/** Milliseconds from one wake-up to the next in a conversation whose both sides are on this machine. */
const QUICK_MS = 0.06
/** Wake-ups that must have come like that, one after another, before the next one is awaited awake. */
const ENOUGH = 8
/** Milliseconds that the next one is awaited awake: what falling asleep and being woken costs, a few times over. */
const AWAKE_MS = 0.05
/** Bytes of one turn that are a question or an answer; more is a transfer, which has no use for haste and would pay for it. */
const SMALL_BYTES = 4 * 1024

/** A tunnel that moves bytes, and the row that it counts them in. */
interface Moving extends Ready {
  readonly row: number
}

interface Clock {
  /** Milliseconds at which this turn began. */
  now(): number
  /** Grows by the bytes that are moved. */
  progress(row: number): number
}

/**
 * Whether it pays to stay awake for the next event. A thread that sleeps is woken in 5 to 10 µs, and on a machine that had nothing else to do its
 * processor must be woken too: for one small message that is answered by one small message, that is most of what a tunnel adds to a round trip.
 * So, and only so: while one tunnel alone has something in each turn, little at a time, and each turn follows the last within microseconds. The first wait
 * that takes longer ends it. Where there is one processor only, the other side could not speak meanwhile.
 */
export class ShortWaits {
  readonly #mayStay: boolean
  #lastTurn = 0
  #inRow = 0

  constructor(processors = availableParallelism()) {
    this.#mayStay = processors > 1
  }

  /** A turn of those that have something to move. `isBusy`: clients without a tunnel are being served as well. */
  move(ready: ReadyList<Moving>, clock: Clock, isBusy: boolean): void {
    const only = isBusy ? undefined : ready.only
    const before = only ? clock.progress(only.row) : 0
    ready.turn()
    const bytes = only ? clock.progress(only.row) - before : 0
    const isQuick = clock.now() - this.#lastTurn < QUICK_MS
    this.#inRow = isQuick && bytes > 0 && bytes <= SMALL_BYTES ? this.#inRow + 1 : 0
    this.#lastTurn = clock.now()
  }

  /** Milliseconds to await the next event awake, before sleeping. */
  get awake(): number {
    return this.#mayStay && this.#inRow >= ENOUGH ? AWAKE_MS : 0
  }
}
