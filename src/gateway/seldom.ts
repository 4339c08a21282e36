import type { Clock } from '../contracts/clock.ts'

/** Says at most so often, in milliseconds, that something fails, and how often it was not said. */
export function seldom<T>(clock: Clock, everyMs: number, say: (what: T, more: number) => void) {
  let last = Number.NEGATIVE_INFINITY
  let more = 0
  return (what: T) => {
    if (clock.monotonic() - last < everyMs) {
      more++
      return
    }
    last = clock.monotonic()
    say(what, more)
    more = 0
  }
}
