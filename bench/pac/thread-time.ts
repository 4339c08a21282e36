import { createHistogram } from 'node:perf_hooks'
import koffi from 'koffi'

/** clock_gettime(2). */
const CLOCK_THREAD_CPUTIME_ID = 3
const libc = process.platform === 'linux' ? koffi.load('libc.so.6') : undefined
const clockGetTime = libc?.func('int clock_gettime(int clock, void *time)')
const time = Buffer.alloc(16)

/** Milliseconds of CPU that the calling thread has used: what a busy machine does not add to. Only where there is glibc; elsewhere 0. */
export function threadMs(): number {
  if (!clockGetTime) return 0
  clockGetTime(CLOCK_THREAD_CPUTIME_ID, time)
  return Number(time.readBigInt64LE(0)) * 1e3 + Number(time.readBigInt64LE(8)) / 1e6
}

/** Milliseconds of CPU that all threads of the process have used. */
export function processMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e3
}

export interface Turns {
  /** Milliseconds of CPU the main thread used in one turn of the event loop: what it really kept others waiting. Of the turns that did something. */
  readonly cpu: { readonly p99: number; readonly max: number }
  /** The same by the wall: with what the system gave to others meanwhile. */
  readonly wall: { readonly max: number }
}

/** Below this many milliseconds a turn did nothing but be looked at. */
const IDLE_MS = 0.02

/**
 * Watches this thread's event loop until the returned function is called. `spin`: at every turn, for a loop that is busy anyway. Otherwise once a
 * millisecond, so that the watching takes no processor from those that are watched: a look then covers all turns of that millisecond.
 */
export function watchTurns({ spin }: { readonly spin: boolean }): () => Turns {
  const cpu = createHistogram()
  let wallMax = 0
  let running = true
  let lastWall = performance.now()
  let lastCpu = threadMs()
  const look = () => {
    if (!running) return
    const used = threadMs() - lastCpu
    if (used >= IDLE_MS) cpu.record(Math.ceil(used * 1e6))
    wallMax = Math.max(wallMax, performance.now() - lastWall - (spin ? 0 : 1))
    lastWall = performance.now()
    lastCpu = threadMs()
    if (spin) setImmediate(look)
  }
  const timer = spin ? undefined : setInterval(look, 1)
  if (spin) setImmediate(look)
  return () => {
    running = false
    clearInterval(timer)
    return { cpu: { p99: cpu.percentile(99) / 1e6, max: cpu.max / 1e6 }, wall: { max: wallMax } }
  }
}

export function share(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}
