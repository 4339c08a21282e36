import type { Door } from './load/handshake.ts'
import { Generator, startOrigin } from './load/processes.ts'
import type { Measurement } from './measurements.ts'
import { makeFolder, type Peer, type RunningPeer } from './peers/peer.ts'
import type { Results } from './report/report.ts'

/** Milliseconds before a span of a peer that has just been started, and of one that has been measured already. */
const FIRST_WARM_UP_MS = 1_500
const WARM_UP_MS = 400
/** Peers that wait at the same time: with 10,000 tunnels each, what a small machine has memory for. */
const WAIT_TOGETHER = 6

export interface Measuring {
  /** By name, those that are wanted. */
  readonly chosen: ReadonlyMap<string, Measurement>
  readonly origin: number
  /** Of each span. */
  readonly ms: number
  readonly results: Results
}

/** Everything but what mostly waits: one process for all measurements of a door, as it would run for long. */
export async function measurePeer(peer: Peer, measuring: Measuring): Promise<void> {
  for (const door of peer.doors) {
    const wanted = [...measuring.chosen].filter(
      ([id, measurement]) => !measurement.waits && says(peer, door, id, measurement),
    )
    if (wanted.length === 0) continue
    await withPeer(peer, door, measuring.origin, async (running, generator) => {
      let warmUpMs = FIRST_WARM_UP_MS
      for (const [id, measurement] of wanted) {
        await measure(peer, door, id, measurement, running, generator, measuring, warmUpMs)
        warmUpMs = WARM_UP_MS
      }
    })
  }
}

/** What mostly waits, some peers at a time, each with an origin of its own: one alone has not enough descriptors. */
export async function measureWaiting(peers: readonly Peer[], measuring: Measuring): Promise<void> {
  for (const [id, measurement] of measuring.chosen) {
    if (!measurement.waits) continue
    const all = peers.flatMap((peer) =>
      peer.doors.filter((door) => says(peer, door, id, measurement)).map((door) => ({ peer, door })),
    )
    for (let first = 0; first < all.length; first += WAIT_TOGETHER) {
      await Promise.all(
        all.slice(first, first + WAIT_TOGETHER).map(async ({ peer, door }) => {
          const origin = await startOrigin()
          const own = { ...measuring, origin: origin.port }
          await withPeer(peer, door, origin.port, (running, generator) =>
            measure(peer, door, id, measurement, running, generator, own, 0),
          ).finally(origin.stop)
        }),
      )
    }
  }
}

function says(peer: Peer, door: Door, id: string, measurement: Measurement): boolean {
  return measurement.doors.includes(door) && peer.only?.includes(id) !== false
}

async function withPeer(
  peer: Peer,
  door: Door,
  origin: number,
  use: (running: RunningPeer, generator: Generator) => Promise<void>,
): Promise<void> {
  const { folder, remove } = makeFolder()
  const generator = new Generator()
  try {
    const running = await peer.start({ folder, origin })
    await use(running, generator).finally(() => running.stop())
  } catch (error) {
    console.error(`${rowOf(peer, door)}: ${(error as Error).message}`)
  } finally {
    generator.stop()
    remove()
  }
}

async function measure(
  peer: Peer,
  door: Door,
  id: string,
  measurement: Measurement,
  running: RunningPeer,
  generator: Generator,
  { origin, ms, results }: Measuring,
  warmUpMs: number,
): Promise<void> {
  const row = rowOf(peer, door)
  const watch = running.pid === 0 ? {} : { watch: running.pid }
  const way = { door, port: running.doors.get(door)!, origin, warmUpMs, ...watch }
  try {
    const values = await measurement.run(generator.ask, way, ms)
    measurement.metrics.forEach((metric, index) => {
      const rows = results.get(metric) ?? new Map<string, number[]>()
      results.set(metric, rows)
      rows.set(row, [...(rows.get(row) ?? []), values[index]!])
    })
  } catch (error) {
    console.error(`${row}, ${id}: ${(error as Error).message}`)
  }
}

function rowOf(peer: Peer, door: Door): string {
  return peer.doors.length > 1 ? `${peer.name}, ${door === 'http' ? 'HTTP' : 'SOCKS5'}` : peer.name
}
