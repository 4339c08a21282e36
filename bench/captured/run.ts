import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Outcome, Task } from '../load/tasks.ts'
import { type Measurement, type Metric, measurements } from '../measurements.ts'
import { makeFolder } from '../peers/peer.ts'
import type { Results } from '../report/report.ts'
import { type Host, type Hosts, makeHosts, whyNoNamespaces } from './namespaces.ts'
import { type CapturedPlace, type Row, rows } from './peers.ts'

export interface CapturedOptions {
  /** Ids out of `capturedMeasurements`. */
  readonly chosen: readonly string[]
  readonly runs: number
  readonly ms: number
  /** Beginnings of the names of rows; absent: all. */
  readonly peers?: readonly string[]
  /** A round takes minutes: what is known is kept after each. */
  afterRound(): void
}

/** Tables of their own: between namespaces a byte costs more than on loopback. */
export const capturedMeasurements: ReadonlyMap<string, Measurement> = new Map(
  ['down-4', 'up-4', 'connects', 'first-byte', 'turns'].map((id) => [
    `captured-${id}`,
    elsewhere(measurements.get(id)!),
  ]),
)

/** A port on which servers speak first: no name is waited for, and attempts are held until the way out stands. */
const ORIGIN_PORT = 5900

const PROGRAMS = {
  origin: new URL('../load/origin.ts', import.meta.url),
  client: new URL('../load/client.ts', import.meta.url),
  hop: new URL('../peers/connect-server.ts', import.meta.url),
}
const HOP_PORT = 8080

/** Round after round as for all others, in network namespaces that go when this ends. Without the right to make any, says so and does nothing. */
export async function measureCaptured(
  { chosen, runs, ms, peers, afterRound }: CapturedOptions,
  results: Results,
): Promise<void> {
  if (chosen.length === 0) return
  const obstacle = whyNoNamespaces()
  if (obstacle) return console.error(`LEFT OUT: captured and reverse flows were not measured: ${obstacle}`)
  const wanted = rows.filter(({ name }) => peers?.some((beginning) => name.startsWith(beginning)) ?? true)
  const missing = wanted.filter((row) => !row.available())
  if (missing.length > 0) console.error(`not here, so left out: ${missing.map(({ name }) => name).join('; ')}`)
  const hosts = makeHosts()
  const helpers: ChildProcess[] = []
  const helper = async (host: Host, program: URL, ...args: string[]) => {
    const child = hosts.fork(host, program, args)
    helpers.push(child)
    return child
  }
  try {
    for (const host of ['world', 'client'] as const)
      await once(await helper(host, PROGRAMS.origin, '0.0.0.0', String(ORIGIN_PORT)), 'message')
    await helper('world', PROGRAMS.hop, String(HOP_PORT), 'fast', '0.0.0.0')
    for (let run = 1; run <= runs; run += 1) {
      for (const row of wanted.filter((row) => row.available())) {
        process.stderr.write(`run ${run}: ${row.name}\n`)
        for (const id of chosen) await measureRow(hosts, row, capturedMeasurements.get(id)!, ms, results)
      }
      afterRound()
    }
  } finally {
    for (const child of helpers) child.kill()
    hosts.remove()
  }
}

async function measureRow(hosts: Hosts, row: Row, measurement: Measurement, ms: number, results: Results) {
  const { folder, remove } = makeFolder()
  const place: CapturedPlace = { hosts, folder, origin: ORIGIN_PORT, hop: HOP_PORT }
  try {
    const running = await row.start(place)
    const client = hosts.fork(running.from, PROGRAMS.client)
    try {
      const values = await measurement.run((task) => ask(client, task), running.way, ms)
      for (const [index, metric] of measurement.metrics.entries()) {
        // Where there is no process, there is no CPU of one.
        if (running.way.watch !== undefined || !metric.id.includes('-cpu-'))
          note(results, metric, row.name, values[index]!)
      }
    } finally {
      client.kill()
      await running.stop()
    }
  } catch (error) {
    console.error(`${row.name}: ${(error as Error).message}`)
  } finally {
    remove()
  }
}

async function ask(client: ChildProcess, task: Task): Promise<Outcome> {
  client.send(task)
  const [answer] = (await Promise.race([
    once(client, 'message'),
    once(client, 'exit').then(() => [{ error: 'the load generator died' }]),
  ])) as [Outcome | { error: string }]
  if ('error' in answer) throw new Error(answer.error)
  return answer
}

function note(results: Results, metric: Metric, row: string, value: number): void {
  const figures = results.get(metric) ?? new Map<string, number[]>()
  results.set(metric, figures)
  figures.set(row, [...(figures.get(row) ?? []), value])
}

function elsewhere(measurement: Measurement): Measurement {
  const metrics = measurement.metrics.map((metric) => ({
    ...metric,
    id: `captured-${metric.id}`,
    title: `between namespaces: ${metric.title}`,
  }))
  return { ...measurement, metrics }
}
