import { rows as capturedRows } from './captured/peers.ts'
import { capturedMeasurements, measureCaptured } from './captured/run.ts'
import { GUARDED, GUARDED_PEERS, guard } from './guard.ts'
import { install, packagesOf } from './install.ts'
import { startOrigin } from './load/processes.ts'
import { measurePac } from './measure-pac.ts'
import { type Measuring, measurePeer, measureWaiting } from './measure-peers.ts'
import { measurements } from './measurements.ts'
import { readOptions } from './options.ts'
import { runWithCongestionControl } from './own-network.ts'
import {
  chains,
  fairlead,
  fairleadPortable,
  fastRelayAlone,
  nodePipe,
  portableRelayAlone,
  proxyChain,
} from './peers/in-node.ts'
import type { Peer } from './peers/peer.ts'
import { programs } from './peers/programs.ts'
import { prepareFolder, type Results, report, save } from './report/report.ts'

/** Repetitions of what takes long and varies little. */
const SLOW_RUNS = 2
/** What is measured without a peer. */
const PAC = 'pac'
const HELP = `npm run bench [-- OPTIONS]
  --guard            the short form for CI: fails if Fairlead is grossly slower than bare Node in the same run
  --install          fetch the Debian packages of the peers that are not here first (needs root)
  --peers A,B        only these (${'fairlead, squid, …'}; see the first column of the table)
  --only A,B         only these measurements: ${[...measurements.keys(), PAC].join(', ')};
                     in network namespaces (root): ${[...capturedMeasurements.keys()].join(', ')}
  --runs N           repetitions of everything, default 3; at most 2 of what takes long: idle tunnels, and what needs namespaces
  --seconds S        of each measurement, default 1
  --congestion NAME  in a network namespace of its own (root) with this congestion control: reno, cubic, bbr; the host's own without
  --out FOLDER       default bench/out`

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

const all = [...measurements.keys(), PAC, ...capturedMeasurements.keys()]
const options = optionsOrExit()
if (options.help) console.log(HELP)
else {
  if (options.install) install(packagesOf([...everyone, ...capturedRows]))
  const { congestion } = options
  if (congestion === undefined) await main()
  else {
    const at = process.argv.findIndex((argument) => argument.startsWith('--congestion'))
    const others = process.argv.slice(2).toSpliced(at - 2, process.argv[at]!.includes('=') ? 1 : 2)
    process.exitCode = runWithCongestionControl(congestion, others)
  }
}

function optionsOrExit(): ReturnType<typeof readOptions> {
  try {
    const peers = new Set([...everyone, ...capturedRows].map(({ name }) => name))
    const read = readOptions(process.argv.slice(2), { peers: [...peers], measurements: all })
    if (!read.help) prepareFolder(read.out)
    return read
  } catch (error) {
    say(`${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

async function main(): Promise<void> {
  const wanted = options.guard ? GUARDED_PEERS : options.peers
  const peers = everyone.filter((peer) => (wanted ? wanted.some((name) => peer.name.startsWith(name)) : true))
  const missing = peers.filter((peer) => !peer.available()).map((peer) => peer.name)
  if (missing.length > 0) console.error(`not here, so left out: ${missing.join(', ')} (npm run build, or --install)`)
  const ids = options.guard ? GUARDED : (options.only ?? all)
  const results: Results = new Map()
  const origin = await startOrigin()
  const measuring: Measuring = {
    chosen: new Map([...measurements].filter(([id]) => ids.includes(id))),
    origin: origin.port,
    ms: options.seconds * 1000,
    results,
  }
  const present = peers.filter((peer) => peer.available())
  try {
    // Round after round and not peer after peer, so that a slow minute of the machine is shared by all.
    for (let run = 1; run <= options.runs; run += 1) {
      for (const peer of present) {
        say(`run ${run}: ${peer.name}`)
        await measurePeer(peer, measuring)
      }
      if (run <= SLOW_RUNS) {
        say(`run ${run}: idle tunnels`)
        await measureWaiting(present, measuring)
      }
      if (ids.includes(PAC)) pac(run, results)
      save(results, options.out)
    }
  } finally {
    origin.stop()
  }
  await measureCaptured(
    {
      chosen: ids.filter((id) => capturedMeasurements.has(id)),
      runs: Math.min(options.runs, SLOW_RUNS),
      ms: options.seconds * 1000,
      afterRound: () => save(results, options.out),
      ...(wanted ? { peers: wanted } : {}),
    },
    results,
  )
  report(results, options.out)
  if (options.guard && !guard(results)) process.exitCode = 1
}

function pac(run: number, results: Results): void {
  say(`run ${run}: PAC decisions`)
  try {
    measurePac(options.seconds, results)
  } catch (error) {
    say((error as Error).message)
  }
}

function say(what: string): void {
  process.stderr.write(`${what}\n`)
}
