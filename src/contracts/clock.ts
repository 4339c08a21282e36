import { uptime } from 'node:os'

/** Time is an argument, so that tests do not sleep. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. For dates that people see. */
  wall(): number
  /** Milliseconds from an arbitrary start; never goes back. For deadlines, ages and durations. */
  monotonic(): number
  /** As `monotonic`, but from another start, and it goes on while the machine sleeps: for what is as old as the world says, within a second. Absent: `monotonic`. */
  elapsed?(): number
  /** Runs `task` once after `ms` milliseconds. The returned function cancels it. Does not keep the process alive. */
  after(ms: number, task: () => void): () => void
}

/** Milliseconds for which the answer of the system, which costs a file read, is used again. */
const LOOK_AGAIN_MS = 1_000
let lookedAt = Number.NEGATIVE_INFINITY
/** What `performance.now()` lacks since the machine was started. */
let lacking = 0

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  elapsed() {
    const now = performance.now()
    if (now - lookedAt >= LOOK_AGAIN_MS) {
      lookedAt = now
      lacking = Math.max(lacking, uptime() * 1_000 - now)
    }
    return now + lacking
  },
  after(ms, task) {
    const timer = setTimeout(task, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

export const elapsed = (clock: Clock): number => clock.elapsed?.() ?? clock.monotonic()
