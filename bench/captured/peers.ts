import { existsSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Way } from '../load/tasks.ts'
import { onPath } from '../peers/peer.ts'
import { startEngineStub } from './engine-stub.ts'
import { launchOn } from './launch-on.ts'
import { ADDRESSES, CLIENT_NETWORK, type Host, type Hosts, INSIDE } from './namespaces.ts'

/** One row of the tables. */
export interface Row {
  readonly name: string
  /** Debian packages that bring it. */
  readonly packages: readonly string[]
  readonly available: () => boolean
  start(place: CapturedPlace): Promise<RunningRow>
}

export interface CapturedPlace {
  readonly hosts: Hosts
  /** Removed afterwards. */
  readonly folder: string
  /** Of the origin in the world. */
  readonly origin: number
  /** A CONNECT proxy in the world. */
  readonly hop: number
}

export interface RunningRow {
  /** Where the load comes from. */
  readonly from: Host
  readonly way: Way
  /** Where another origin stands than in the world. */
  readonly originOn?: Host
  stop(): Promise<void>
}

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
/** Ports are of namespaces of our own, so they are free. */
const [DOOR, REVERSE, REDSOCKS] = [3128, 1080, 12345]

/** Nobody takes anything: the gateway's host forwards, as for a container without a gateway. */
const forwarded: Row = {
  name: 'forwarded by the kernel',
  packages: [],
  available: () => true,
  start: async (place) => ({ from: 'client', way: straight(place), stop: async () => {} }),
}

const explicit = (door: 'http' | 'socks5', title: string, overHop = false): Row =>
  gateway(`fairlead, ${title}${overHop ? ', 1 hop' : ''}`, (place) => ({
    settings: { ...OPEN_DOOR, ...(overHop ? overHopOf(place) : {}) },
    ready: (doors) => doors.some((name) => name.includes(String(DOOR))),
    row: {
      from: 'client',
      way: { door, port: DOOR, host: ADDRESSES.inside, origin: place.origin, originHost: ADDRESSES.world },
    },
  }))

const captured = (overHop = false): Row =>
  gateway(`fairlead, captured${overHop ? ', 1 hop' : ''}`, (place) => ({
    settings: {
      listen: { mixed: `127.0.0.1:${DOOR}` },
      capture: { enabled: true, networks: [], interfaces: [INSIDE] },
      containersProxy: { transparentPorts: '*', ...(overHop ? overHopOf(place).containersProxy : { mode: 'none' }) },
    },
    ready: (doors) => doors.some((name) => name.startsWith('capture') && name.includes(INSIDE)),
    row: { from: 'client', way: straight(place) },
  }))

const reverse = (door: 'http' | 'socks5', title: string): Row =>
  gateway(`fairlead, reverse ${title}`, ({ origin, folder }) => ({
    settings: {
      listen: { mixed: `127.0.0.1:${DOOR}` },
      engine: { socket: `unix://${engineOf(folder)}` },
      reverse: { listen: `127.0.0.1:${REVERSE}` },
    },
    engine: true,
    ready: (doors, containers) => doors.some((name) => name.startsWith('reverse')) && containers === 1,
    row: {
      from: 'gateway',
      originOn: 'client',
      way: { door, port: REVERSE, host: '127.0.0.1', origin, originHost: ADDRESSES.client },
    },
  }))

/** It can only redirect, and only to a proxy. */
const redsocks: Row = {
  name: 'redsocks, 1 hop',
  packages: ['redsocks', 'nftables'],
  available: () => onPath('redsocks') && onPath('nft'),
  async start({ hosts, folder, hop, origin }) {
    const file = path.join(folder, 'redsocks.conf')
    writeFileSync(
      file,
      `base { log_debug = off; log_info = off; log = "file:${folder}/redsocks.log"; daemon = off; redirector = iptables; }
redsocks { local_ip = 0.0.0.0; local_port = ${REDSOCKS}; ip = ${ADDRESSES.world}; port = ${hop}; type = http-connect; listenq = 4096; }
`,
    )
    const rules = `
table ip redsocks {
  chain prerouting {
    type nat hook prerouting priority dstnat
    iifname "${INSIDE}" meta l4proto tcp redirect to :${REDSOCKS}
  }
}
`
    const nft = launchOn(hosts, 'gateway', ['nft', rules])
    await nft.ended
    const program = launchOn(hosts, 'gateway', ['redsocks', '-c', file])
    await program.listening(REDSOCKS)
    return {
      from: 'client',
      way: { ...straight({ origin }), watch: program.pid },
      async stop() {
        await program.stop()
        await launchOn(hosts, 'gateway', ['nft', 'delete table ip redsocks']).ended
      },
    }
  },
}

export const rows: readonly Row[] = [
  forwarded,
  explicit('http', 'HTTP'),
  explicit('socks5', 'SOCKS5'),
  captured(),
  explicit('http', 'HTTP', true),
  captured(true),
  redsocks,
  reverse('http', 'HTTP'),
  reverse('socks5', 'SOCKS5'),
]

/** The client dials the origin itself. */
function straight({ origin }: { readonly origin: number }): Way {
  return { door: 'direct', port: origin, host: ADDRESSES.world, origin }
}

const OPEN_DOOR = {
  listen: { mixed: { address: `${ADDRESSES.inside}:${DOOR}`, scope: 'containers', from: [CLIENT_NETWORK] } },
}

function overHopOf({ hop }: CapturedPlace) {
  const url = `http://${ADDRESSES.world}:${hop}`
  return { containersProxy: { mode: 'manual', http: url, https: url } }
}

const engineOf = (folder: string): string => path.join(folder, 'engine.sock')

interface Recipe {
  readonly settings: object
  readonly engine?: true
  /** By what its status says. */
  ready(doors: readonly string[], containers: number | undefined): boolean
  readonly row: Omit<RunningRow, 'stop'>
}

function gateway(name: string, recipe: (place: CapturedPlace) => Recipe): Row {
  return {
    name,
    packages: ['nftables'],
    available: () => existsSync(MAIN) && onPath('nft'),
    async start(place) {
      const { settings, engine, ready, row } = recipe(place)
      const { folder, hosts } = place
      const stub = engine && (await startEngineStub(engineOf(folder), ADDRESSES.client, CLIENT_NETWORK))
      const socket = path.join(folder, 'status.sock')
      const file = path.join(folder, 'fairlead.yaml')
      writeFileSync(file, JSON.stringify({ log: { level: 'warn' }, status: { listen: `unix:${socket}` }, ...settings }))
      const program = launchOn(hosts, 'gateway', [process.execPath, MAIN, 'start', '--config', file])
      const stopAll = async () => {
        await program.stop()
        stub?.stop()
      }
      try {
        await program.until(async () => {
          const status = await askStatus(socket)
          return status !== undefined && ready(status.doors, status.engine?.containers)
        })
      } catch (thrown) {
        await stopAll()
        throw thrown
      }
      return { ...row, way: { ...row.way, watch: program.pid }, stop: stopAll }
    },
  }
}

interface Status {
  readonly doors: readonly string[]
  readonly engine?: { readonly containers?: number }
}

function askStatus(socketPath: string): Promise<Status | undefined> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/status' }, async (response) => {
      const chunks: Buffer[] = await response.toArray()
      resolve(JSON.parse(Buffer.concat(chunks).toString()) as Status)
    })
    asked.once('error', () => resolve(undefined)).end()
  })
}
