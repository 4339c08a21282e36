import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { install } from './install.ts'
import type { Door } from './load/handshake.ts'
import type { Outcome, Task } from './load/tasks.ts'
import { measurements } from './measurements.ts'
import {
  fairlead,
  fairleadPortable,
  fastRelayAlone,
  nodePipe,
  portableRelayAlone,
  proxyChain,
} from './peers/in-node.ts'
import { makeFolder, type Peer, type RunningPeer } from './peers/peer.ts'
import { programs } from './peers/programs.ts'
import { type Results, report } from './report/report.ts'

const HELP = `npm run bench [-- OPTIONS]
  --install          fetch the Debian packages of the peers first (needs root)
  --peers A,B        only these (${'fairlead, squid, …'}; see the first column of the table)
  --only A,B         only these measurements: ${[...measurements.keys()].join(', ')}
  --runs N           repetitions of everything, default 3
  --seconds S        of each measurement, default 2
  --out FOLDER       default bench/out`

const { values: options } = parseArgs({
  options: {
    help: { type: 'boolean' },
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
  available: () => true,
  start: async () => ({ pid: 0, doors: new Map(), stop: async () => {} }),
}
const everyone: readonly Peer[] = [
  direct,
  fairlead,
  fairleadPortable,
  ...programs,
  proxyChain,
  nodePipe,
  fastRelayAlone,
  portableRelayAlone,
]

if (options.help) console.log(HELP)
else {
  if (options.install) install(everyone.flatMap((peer) => peer.packages))
  await main()
}

async function main(): Promise<void> {
  const wanted = options.peers?.split(',')
  const peers = everyone.filter((peer) => (wanted ? wanted.some((name) => peer.name.startsWith(name)) : true))
  const missing = peers.filter((peer) => !peer.available()).map((peer) => peer.name)
  if (missing.length > 0) console.error(`not here, so left out: ${missing.join(', ')} (npm run build, or --install)`)
  const chosen = options.only?.split(',') ?? [...measurements.keys()]
  for (const id of chosen) if (!measurements.has(id)) throw new Error(`no measurement is called ${id}\n${HELP}`)

  const results: Results = new Map()
  const origin = fork(new URL('./load/origin.ts', import.meta.url), { execArgv: ['--import=tsx'] })
  const [{ port }] = (await once(origin, 'message')) as [{ port: number }]
  try {
    // Round after round and not peer after peer, so that a slow minute of the machine is shared by all.
    for (let run = 1; run <= Number(options.runs); run += 1) {
      for (const peer of peers.filter((peer) => peer.available())) {
        process.stderr.write(`run ${run}: ${peer.name}\n`)
        await measurePeer(peer, port, chosen, results)
      }
    }
  } finally {
    origin.kill()
  }
  report(results, options.out)
}

async function measurePeer(peer: Peer, origin: number, chosen: readonly string[], results: Results): Promise<void> {
  const ms = Number(options.seconds) * 1000
  for (const id of chosen) {
    const measurement = measurements.get(id)!
    if (peer.tunnelsOnly && id === 'requests') continue
    // A process of its own for each: no memory, no cache and no backlog of what was measured before.
    const { folder, remove } = makeFolder()
    let running: RunningPeer | undefined
    try {
      running = await peer.start({ folder, origin })
      const doors = peer === direct ? new Map<Door, number>([['direct', origin]]) : running.doors
      for (const [door, port] of doors) {
        if (!measurement.doors.includes(door) || (peer === direct && measurement.ofProcess)) continue
        const watch = peer === direct ? {} : { watch: running.pid }
        const values = await withClient((ask) => measurement.run(ask, { door, port, origin, ...watch }, ms))
        const row = doors.size > 1 ? `${peer.name}, ${door === 'http' ? 'HTTP' : 'SOCKS5'}` : peer.name
        measurement.metrics.forEach((metric, index) => {
          const figures = results.get(metric) ?? new Map<string, number[]>()
          results.set(metric, figures)
          figures.set(row, [...(figures.get(row) ?? []), values[index]!])
        })
      }
    } catch (error) {
      console.error(`${peer.name}, ${id}: ${(error as Error).message}`)
    } finally {
      await running?.stop()
      remove()
    }
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
