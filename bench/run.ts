import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { rows as capturedRows } from './captured/peers.ts'
import { capturedMeasurements, measureCaptured } from './captured/run.ts'
import { GUARDED, GUARDED_PEERS, guard } from './guard.ts'
import { install } from './install.ts'
import type { Door } from './load/handshake.ts'
import type { Outcome, Task } from './load/tasks.ts'
import { type Measurement, measurements } from './measurements.ts'
import {
  chains,
  fairlead,
  fairleadPortable,
  fastRelayAlone,
  nodePipe,
  portableRelayAlone,
  proxyChain,
} from './peers/in-node.ts'
import { makeFolder, type Peer } from './peers/peer.ts'
import { programs } from './peers/programs.ts'
import { type Results, report } from './report/report.ts'

const HELP = `npm run bench [-- OPTIONS]
  --guard            the short form for CI: fails if Fairlead is grossly slower than bare Node in the same run
  --install          fetch the Debian packages of the peers first (needs root)
  --peers A,B        only these (${'fairlead, squid, …'}; see the first column of the table)
  --only A,B         only these measurements: ${[...measurements.keys()].join(', ')};
                     in network namespaces (root): ${[...capturedMeasurements.keys()].join(', ')}
  --runs N           repetitions of everything, default 3
  --seconds S        of each measurement, default 2
  --out FOLDER       default bench/out`

const { values: options } = parseArgs({
  options: {
    help: { type: 'boolean' },
    guard: { type: 'boolean' },
    install: { type: 'boolean' },
    peers: { type: 'string' },
    only: { type: 'string' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    out: { type: 'string', default: 'bench/out' },
  },
})

const direct: Peer = {
  name: 'direct',
  packages: [],
  doors: ['direct'],
  available: () => true,
  start: async ({ origin }) => ({ pid: 0, doors: new Map([['direct', origin]]), stop: async () => {} }),
}
const everyone: readonly Peer[] = [
  direct,
  fairlead,
  fairleadPortable,
  ...chains,
  ...programs,
  proxyChain,
  nodePipe,
  fastRelayAlone,
  portableRelayAlone,
]

if (options.help) console.log(HELP)
else {
  if (options.install) install([...everyone, ...capturedRows].flatMap((peer) => peer.packages))
  await main()
}

async function main(): Promise<void> {
  const wanted = options.guard ? GUARDED_PEERS : options.peers?.split(',')
  const peers = everyone.filter((peer) => (wanted ? wanted.some((name) => peer.name.startsWith(name)) : true))
  const missing = peers.filter((peer) => !peer.available()).map((peer) => peer.name)
  if (missing.length > 0) console.error(`not here, so left out: ${missing.join(', ')} (npm run build, or --install)`)
  const all = [...measurements.keys(), ...capturedMeasurements.keys()]
  const named = options.guard ? GUARDED : (options.only?.split(',') ?? all)
  for (const id of named) if (!all.includes(id)) throw new Error(`no measurement is called ${id}\n${HELP}`)
  const chosen = named.filter((id) => measurements.has(id))

  const results: Results = new Map()
  const origin = fork(new URL('./load/origin.ts', import.meta.url), { execArgv: ['--import=tsx'] })
  const [{ port }] = (await once(origin, 'message')) as [{ port: number }]
  try {
    // Round after round and not peer after peer, so that a slow minute of the machine is shared by all.
    for (let run = 1; run <= Number(options.runs) && chosen.length > 0; run += 1) {
      for (const peer of peers.filter((peer) => peer.available())) {
        process.stderr.write(`run ${run}: ${peer.name}\n`)
        await measurePeer(peer, port, chosen, results)
      }
    }
  } finally {
    origin.kill()
  }
  await measureCaptured(
    {
      chosen: named.filter((id) => capturedMeasurements.has(id)),
      runs: Number(options.runs),
      ms: Number(options.seconds) * 1000,
      ...(wanted ? { peers: wanted } : {}),
    },
    results,
  )
  report(results, options.out)
  if (options.guard && !guard(results)) process.exitCode = 1
}

async function measurePeer(peer: Peer, origin: number, chosen: readonly string[], results: Results): Promise<void> {
  for (const id of chosen) {
    const measurement = measurements.get(id)!
    if (peer.only?.includes(id) === false || (peer === direct && measurement.ofProcess)) continue
    for (const door of measurement.doors.filter((door) => peer.doors.includes(door))) {
      const row = peer.doors.length > 1 ? `${peer.name}, ${door === 'http' ? 'HTTP' : 'SOCKS5'}` : peer.name
      try {
        const values = await measureDoor(peer, door, origin, measurement)
        measurement.metrics.forEach((metric, index) => {
          const figures = results.get(metric) ?? new Map<string, number[]>()
          results.set(metric, figures)
          figures.set(row, [...(figures.get(row) ?? []), values[index]!])
        })
      } catch (error) {
        console.error(`${row}, ${id}: ${(error as Error).message}`)
      }
    }
  }
}

/** With a process of its own: no memory, no cache and no backlog of what was measured before. */
async function measureDoor(
  peer: Peer,
  door: Door,
  origin: number,
  measurement: Measurement,
): Promise<readonly number[]> {
  const { folder, remove } = makeFolder()
  const running = await peer.start({ folder, origin }).catch((error) => {
    remove()
    throw error
  })
  try {
    const watch = peer === direct ? {} : { watch: running.pid }
    const way = { door, port: running.doors.get(door)!, origin, ...watch }
    return await withClient((ask) => measurement.run(ask, way, Number(options.seconds) * 1000))
  } finally {
    await running.stop()
    remove()
  }
}

async function withClient<T>(use: (ask: (task: Task) => Promise<Outcome>) => Promise<T>): Promise<T> {
  const client = fork(new URL('./load/client.ts', import.meta.url), { execArgv: ['--import=tsx'] })
  try {
    return await use(async (task) => {
      client.send(task)
      const [answer] = (await Promise.race([
        once(client, 'message'),
        once(client, 'exit').then(() => [{ error: 'the load generator died' }]),
      ])) as [Outcome | { error: string }]
      if ('error' in answer) throw new Error(answer.error)
      return answer
    })
  } finally {
    client.kill()
  }
}
