import { readFileSync } from 'node:fs'
import type { Door } from './load/handshake.ts'
import type { Outcome, Task, Way } from './load/tasks.ts'
import { descriptorsOfTree, memoryOfTree, sleepsOfTree } from './measure/process-tree.ts'
import { quantile } from './statistics.ts'

/** One figure of the table. */
export interface Metric {
  readonly id: string
  readonly title: string
  readonly unit: string
  readonly better: 'less' | 'more'
  readonly digits: number
}

export interface Measurement {
  /** Doors it makes sense for. */
  readonly doors: readonly Door[]
  readonly metrics: readonly Metric[]
  /** Mostly waiting: several peers wait at the same time, each with a process, a generator and an origin of its own. Needs a process to look at. */
  readonly waits?: true
  run(ask: (task: Task) => Promise<Outcome>, way: Way, ms: number): Promise<readonly number[]>
}

const TUNNEL_DOORS: readonly Door[] = ['direct', 'http', 'socks5']

const bulk = (direction: 'down' | 'up', streams: number): Measurement => ({
  doors: TUNNEL_DOORS,
  metrics: [
    metric(`rate-${direction}-${streams}`, `throughput ${direction}, ${plural(streams)}`, 'GB/s', 'more', 2),
    metric(`cpu-${direction}-${streams}`, `CPU per GB ${direction}, ${plural(streams)}`, 'CPU-s/GB', 'less', 3),
  ],
  async run(ask, way, ms) {
    const { count, seconds, cpu } = await ask({ kind: 'bulk', way, direction, streams, ms })
    return [count / seconds / 1e9, cpu / (count / 1e9)]
  },
})

/** Milliseconds of opening tunnels, or of requests, before the measured span: a program that compiles as it runs has done so, as one that runs for days has. */
const PRACTISED_MS = 3_000

/** Connections that a client keeps in the making at once: enough to keep two cores busy, too few to measure queues. */
const CONCURRENCY = 16

const connects: Measurement = {
  doors: TUNNEL_DOORS,
  metrics: [
    metric('connects', 'tunnels opened', '/s', 'more', 0),
    metric('cpu-connect', 'CPU per tunnel', 'ms', 'less', 4),
  ],
  async run(ask, way, ms) {
    const { count, seconds, cpu } = await ask({ kind: 'connects', way: practised(way), concurrency: CONCURRENCY, ms })
    return [count / seconds, (cpu * 1000) / count]
  },
}

const firstByte: Measurement = {
  doors: TUNNEL_DOORS,
  metrics: [metric('first-byte', 'connect to first byte, one at a time, p50', 'µs', 'less', 0)],
  async run(ask, way, ms) {
    const { micros } = await ask({ kind: 'connects', way: practised(way), concurrency: 1, ms })
    return [quantile(micros!, 0.5)]
  },
}

const turns: Measurement = {
  doors: TUNNEL_DOORS,
  metrics: [
    metric('turn-p50', 'round trip on an open tunnel, p50', 'µs', 'less', 1),
    metric('turn-p99', 'round trip on an open tunnel, p99', 'µs', 'less', 1),
    metric('cpu-turn', 'CPU per round trip', 'µs', 'less', 1),
  ],
  async run(ask, way, ms) {
    const { micros, cpu, count } = await ask({ kind: 'turns', way, ms })
    return [quantile(micros!, 0.5), quantile(micros!, 0.99), (cpu * 1e6) / count]
  },
}

const requests: Measurement = {
  doors: ['direct', 'http'],
  metrics: [
    metric('requests', 'plain HTTP, 32 kept connections', 'requests/s', 'more', 0),
    metric('cpu-request', 'CPU per plain HTTP request', 'ms', 'less', 4),
  ],
  async run(ask, way, ms) {
    const { count, seconds, cpu } = await ask({ kind: 'requests', way: practised(way), connections: 32, ms })
    return [count / seconds, (cpu * 1000) / count]
  },
}

/** Milliseconds after opening before memory is read: garbage of the opening has been collected by then. */
const SETTLE_MS = 12_000
/** Milliseconds that a process with idle tunnels is watched. */
const WATCH_MS = 4_000

const idle = (tunnels: number): Measurement => ({
  doors: ['http', 'socks5'],
  waits: true,
  metrics: [
    metric(`memory-${tunnels}`, `memory per idle tunnel, of ${tunnels}`, 'kB', 'less', 2),
    metric(`descriptors-${tunnels}`, `descriptors per idle tunnel, of ${tunnels}`, '', 'less', 2),
    metric(`wakes-${tunnels}`, `wake-ups of all threads, ${tunnels} tunnels idle`, '/s', 'less', 1),
  ],
  async run(ask, way) {
    const pid = way.watch!
    const [memory, descriptors] = [memoryOfTree(pid), descriptorsOfTree(pid)]
    await ask({ kind: 'open-idle', way, tunnels })
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
    const held = [(memoryOfTree(pid) - memory) / 1024 / tunnels, (descriptorsOfTree(pid) - descriptors) / tunnels]
    const sleeps = sleepsOfTree(pid)
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
    const wakes = (sleepsOfTree(pid) - sleeps) / (WATCH_MS / 1000)
    await ask({ kind: 'close-idle' })
    return [...held, wakes]
  },
})

export const measurements: ReadonlyMap<string, Measurement> = new Map([
  ...(['down', 'up'] as const).flatMap((direction) =>
    [1, 4, 64].map((streams) => [`${direction}-${streams}`, bulk(direction, streams)] as const),
  ),
  ['connects', connects],
  ['first-byte', firstByte],
  ['turns', turns],
  ['requests', requests],
  ['idle-1000', idle(1_000)],
  ['idle-10000', idle(Math.min(10_000, tunnelsByDescriptors()))],
])

/** What one process can have here: two descriptors each, and some for the process itself. */
function tunnelsByDescriptors(): number {
  const limit = /^Max open files +\S+ +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Math.floor((Number(limit) - 200) / 2)
}

function metric(id: string, title: string, unit: string, better: 'less' | 'more', digits: number): Metric {
  return { id, title, unit, better, digits }
}

function plural(streams: number): string {
  return streams === 1 ? '1 stream' : `${streams} streams`
}

const practised = (way: Way): Way => ({ ...way, warmUpMs: PRACTISED_MS })
