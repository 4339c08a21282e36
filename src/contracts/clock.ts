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

export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}
