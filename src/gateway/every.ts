import type { Clock } from '../contracts/clock.ts'

/** Calls `task` each `ms` milliseconds until it is cancelled. */
export function every(ms: number, clock: Clock, task: () => void): () => void {
  let cancel = () => {}
  const wait = () => {
    cancel = clock.after(ms, () => {
      wait()
      task()
    })
  }
  wait()
  return () => cancel()
}
