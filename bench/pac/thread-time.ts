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
  /** Milliseconds of CPU the main thread used in one turn of the event loop: what it really kept others waiting. Sorted. */
  readonly cpu: number[]
  /** The same by the wall: with what the system gave to others meanwhile. Sorted. */
  readonly wall: number[]
}

/** Watches every turn of this thread's event loop until the returned function is called. */
export function watchTurns(): () => Turns {
  const turns: Turns = { cpu: [], wall: [] }
  let running = true
  let wall = performance.now()
  let cpu = threadMs()
  const turn = () => {
    if (!running) return
    const nowWall = performance.now()
    const nowCpu = threadMs()
    turns.wall.push(nowWall - wall)
    turns.cpu.push(nowCpu - cpu)
    wall = performance.now()
    cpu = threadMs()
    setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    running = false
    turns.cpu.sort((a, b) => a - b)
    turns.wall.sort((a, b) => a - b)
    return turns
  }
}

export function share(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}
