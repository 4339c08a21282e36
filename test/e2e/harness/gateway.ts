import { renameSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { GatewayStatus } from '../../../src/gateway/gateway-status.ts'
import type { FlowLine } from '../../../src/observe/flow-line.ts'
import type { ProxyAddress } from './clients/tunnel.ts'
import { GATEWAY_FOR_GUEST, type Host } from './lab.ts'
import { peerFolder } from './peers/peer.ts'
import { takePort } from './ports.ts'
import type { Running } from './processes.ts'
import type { Scenario } from './scenario.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
/** What is tested: the build, or another one, such as an installed package. */
const PROGRAM = [process.execPath, process.env['FAIRLEAD_E2E_PROGRAM'] ?? join(ROOT, 'dist/fairlead.cjs')]
/** Half a dozen threads start one after the other, each in seconds where many programs want the cores. */
const GATEWAY_READY_MS = 60_000
/** A flow's line is written when the flow has ended on both sides, which the client may see a moment earlier. */
const FLOW_LINE_MS = 20_000

/**
 * How a flow ends that went well. curl and Go close a TLS connection without reading the last records, which the kernel reports to the other
 * side as a reset.
 */
export const ENDS_WELL = /^(finished|client-reset)$/

/** The part of the settings that a scenario chooses; doors and log are the harness's. */
export type Policy = Readonly<Record<string, unknown>>

export interface GatewayOptions {
  /** Where it runs and listens; on the gateway's host, with the doors below, unless told otherwise. */
  readonly host?: Host
  readonly listen?: unknown
  /** Users of its doors. */
  readonly users?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  /** Started by this command, which runs what follows it. */
  readonly by?: readonly string[]
}

/** A Fairlead that runs as people run it: the built program, a settings file, signals, its log. */
export interface Gateway {
  readonly running: Running
  /** The mixed port, on the gateway's loopback: scope host. */
  readonly mixed: ProxyAddress & { readonly host: string; readonly port: number }
  /** The same inside TLS. */
  readonly tls: ProxyAddress & { readonly host: string; readonly port: number }
  readonly unix: ProxyAddress & { readonly path: string }
  /** The engine's door, on the address that the guest sees: scope containers. */
  readonly guest: ProxyAddress & { readonly host: string; readonly port: number }
  /** Every finished flow so far. */
  flows(): FlowLine[]
  /** The first flow that fits, of those after the first `skip`, as soon as its line is there. */
  flow(what: string, fits: (line: FlowLine) => boolean, skip?: number): Promise<FlowLine>
  /** New settings and SIGHUP; resolves when the log says that they are in force, or that they were not taken. */
  reload(policy: Policy): Promise<void>
  /** What `fairlead status` is told. */
  status(): Promise<GatewayStatus>
  log(): LogLine[]
}

type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string }

export async function startGateway(
  scenario: Scenario,
  policy: Policy = {},
  options: GatewayOptions = {},
): Promise<Gateway> {
  const gateway = await launchGateway(scenario, policy, options)
  const isReady = () => gateway.log().some((line) => line.msg === 'ready')
  await gateway.running.until('`ready` in its log', isReady, GATEWAY_READY_MS)
  return gateway
}

/** The same, while it is still starting. */
export async function launchGateway(scenario: Scenario, policy: Policy, options: GatewayOptions): Promise<Gateway> {
  const folder = peerFolder(scenario, 'fairlead')
  const [mixedPort, tlsPort, guestPort] = [takePort(), takePort(), takePort()]
  const unix = join(folder, 'door.sock')
  const leaf = await scenario.ca.leaf('localhost', '127.0.0.1')
  const listen = options.listen ?? {
    mixed: [
      `127.0.0.1:${mixedPort}`,
      { address: `unix:${unix}` },
      { address: `${GATEWAY_FOR_GUEST}:${guestPort}`, scope: 'containers', from: ['10.77.1.0/24'] },
    ],
    tls: { address: `127.0.0.1:${tlsPort}`, cert: leaf.cert, key: leaf.key },
    ...(options.users ? { auth: { users: options.users } } : {}),
  }
  const file = join(folder, 'fairlead.yaml')
  const write = (chosen: Policy) => {
    // Written aside and renamed, so that a watching Fairlead never reads half a file. JSON is YAML.
    writeFileSync(`${file}.new`, JSON.stringify({ ...FIXED(scenario, folder), listen, ...chosen }, null, 2))
    renameSync(`${file}.new`, file)
  }
  write(policy)
  const running = scenario.start(
    options.host ?? 'gateway',
    'fairlead',
    [...(options.by ?? []), ...PROGRAM, 'start', '--config', file],
    {
      cwd: folder,
      ...(options.env ? { env: options.env } : {}),
    },
  )
  const log = logReader(running)
  const flows = () => log().filter((line) => line.msg === 'flow') as unknown as FlowLine[]
  return {
    running,
    mixed: { host: '127.0.0.1', port: mixedPort },
    tls: { host: '127.0.0.1', port: tlsPort, tls: { ca: scenario.ca.pem, servername: 'localhost' } },
    unix: { path: unix },
    guest: { host: GATEWAY_FOR_GUEST, port: guestPort },
    flows,
    flow: (what, fits, skip = 0) =>
      running.until(`flow line for ${what}`, () => flows().slice(skip).find(fits), FLOW_LINE_MS),
    status: () => readStatus(join(folder, 'status.sock')),
    log,
    async reload(chosen) {
      const before = log().filter(isReload).length
      write(chosen)
      running.signal('SIGHUP')
      await running.until('reload in its log', () => log().filter(isReload).length > before)
    },
  }
}

const FIXED = (scenario: Scenario, folder: string) => ({
  trust: { ca: [scenario.ca.file] },
  log: { level: 'info', format: 'json' },
  status: { listen: `unix:${join(folder, 'status.sock')}` },
})

function isReload(line: LogLine): boolean {
  return line.msg === 'settings reloaded' || line.msg?.startsWith('settings not reloaded') === true
}

function readStatus(socketPath: string): Promise<GatewayStatus> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/status' }, async (response) => {
      const chunks: Buffer[] = await response.toArray()
      resolve(JSON.parse(Buffer.concat(chunks).toString()) as GatewayStatus)
    })
    asked.once('error', reject).end()
  })
}

/** Reads the log on from where it was last read. */
function logReader(running: Running): () => LogLine[] {
  const lines: LogLine[] = []
  let read = 0
  return () => {
    for (let end = running.stderr.indexOf('\n', read); end >= 0; end = running.stderr.indexOf('\n', read)) {
      const line = running.stderr.slice(read, end)
      read = end + 1
      if (line.startsWith('{')) lines.push(JSON.parse(line) as LogLine)
    }
    return lines
  }
}
