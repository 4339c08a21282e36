import { uptime } from 'node:os'
import { type Clock, systemClock } from '../contracts/clock.ts'

/** Milliseconds for which the answer of the system, which costs a file read, is used again. */
const LOOK_AGAIN_MS = 1_000
let lookedAt = Number.NEGATIVE_INFINITY
/** What `performance.now()` lacks since the machine was started: it stands still while that sleeps. */
let lacking = 0

const sleeplessClock: Clock = {
  ...systemClock,
  elapsed() {
    const now = systemClock.monotonic()
    if (now - lookedAt >= LOOK_AGAIN_MS) {
      lookedAt = now
      lacking = Math.max(lacking, uptime() * 1_000 - now)
    }
    return now + lacking
  },
}

/** For scripts, whose age is what the world says: a laptop that has slept for three days has one that is three days older. Other clocks than the system's are taken as they are. */
export const withElapsed = (clock = systemClock): Clock => (clock === systemClock ? sleeplessClock : clock)

export const elapsed = (clock: Clock): number => clock.elapsed?.() ?? clock.monotonic()
