import type { Clock } from '../contracts/clock.ts'
import { CROWD_CELLS, HANGING, NOBODY, ROOM, SECOND_TURNS, WAITING, WHO } from './worker-protocol.ts'

/** For how long after one had to make way any other is taken to be like it, in ms. */
const HANGING_MS = 1_000

/** What an evaluation that takes long must know of the others: whether it is in anybody's way, and whether it could go on elsewhere. */
export class Crowd {
  /** Every thread of the script looks at it. */
  readonly cells = new Int32Array(new SharedArrayBuffer(CROWD_CELLS * Int32Array.BYTES_PER_ELEMENT))
  readonly #clock: Clock
  /** By the clock. */
  #hangingUntil = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether evaluations hang these days, so that any other may. */
  get hanging(): boolean {
    return this.#clock.monotonic() < this.#hangingUntil
  }

  /** One was in the way of others. */
  hung(): void {
    this.#hangingUntil = this.#clock.monotonic() + HANGING_MS
  }

  /** `room`: a thread for second turns has nothing to do. `secondTurns`: how many wait for one. */
  tell(waiting: boolean, room: boolean, secondTurns = 0): void {
    Atomics.store(this.cells, SECOND_TURNS, secondTurns)
    Atomics.store(this.cells, WHO, waiting ? (this.hanging ? HANGING : WAITING) : room ? ROOM : NOBODY)
  }
}
