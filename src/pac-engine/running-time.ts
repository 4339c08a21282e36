import { readFileSync, readlinkSync } from 'node:fs'
import type { Clock } from '../contracts/clock.ts'

/** How much later than its limit something is ended whose thread got no processor: a machine may have so much to do, and whoever waits for the script shall not wait for ever. */
const STARVED_TIMES = 4
/** The same of what has its second turn while others wait for theirs: they wait by the clock, and a few that hang would leave them no time. */
const HURRIED_TIMES = 1.25
/** Of a time: what had less of a processor than this part of it was held up by others. */
export const STARVED_PART = 0.9
/** Milliseconds of processor time that are as good as none: the system counts by ticks. */
const A_TICK = 1

/** Where the system has this thread, below /proc; undefined where it tells nothing of it. */
export function placeOfThread(): string | undefined {
  try {
    return readlinkSync('/proc/thread-self')
  } catch {
    return undefined
  }
}

/** Milliseconds that a thread has had a processor for, where that can be told. */
export function processorMs(place: string | undefined): number | undefined {
  if (place === undefined) return undefined
  try {
    const ms = Number(readFileSync(`/proc/${place}/schedstat`, 'latin1').split(' ', 1)[0]) / 1e6
    return ms > 0 ? ms : undefined
  } catch {
    return undefined
  }
}

/** The time of something that may run for so long: processor time, for on a busy machine a script that is quick takes long. Where nobody knows it, time as it passes. */
export class RunningTime {
  readonly #limitMs: number
  readonly #began: number
  readonly #hadMs: () => number | undefined
  readonly #hadBefore: number | undefined

  /** Times by one clock. `hadMs`: what its thread has had of a processor. */
  constructor(limitMs: number, began: number, hadMs: () => number | undefined) {
    this.#limitMs = limitMs
    this.#began = began
    this.#hadMs = hadMs
    this.#hadBefore = hadMs()
  }

  /** Milliseconds that it may run on; 0: it is to be ended. To be asked when that time has passed. `hurried`: others wait for its end. */
  left(now: number, hurried = false): number {
    const had = this.had()
    if (had === undefined) return 0
    const most = this.#began + (hurried ? HURRIED_TIMES : STARVED_TIMES) * this.#limitMs - now
    const left = Math.min(this.#limitMs - had, most)
    return left > A_TICK ? left : 0
  }

  /** Whether it has had clearly less of a processor than it may: where it is ended all the same, that is for the time that others had. */
  get starved(): boolean {
    const had = this.had()
    return had !== undefined && had < STARVED_PART * this.#limitMs
  }

  /** Milliseconds of a processor since it began, where that can be told. */
  had(): number | undefined {
    const had = this.#hadBefore === undefined ? undefined : this.#hadMs()
    return had === undefined ? undefined : had - this.#hadBefore!
  }
}

/** Runs `end` when so much time is up. The returned function cancels it. */
export function whenSpent(clock: Clock, limitMs: number, hadMs: () => number | undefined, end: () => void): () => void {
  const time = new RunningTime(limitMs, clock.monotonic(), hadMs)
  const look = () => {
    const left = time.left(clock.monotonic())
    if (left > 0) cancel = clock.after(left, look)
    else end()
  }
  let cancel = clock.after(limitMs, look)
  return () => cancel()
}
