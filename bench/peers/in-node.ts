import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Door } from '../load/handshake.ts'
import { freePort, type Peer, type Place, type RunningPeer, startProgram, TUNNELS } from './peer.ts'

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url))
const MAIN = here('../../dist/main.js')

/** Fairlead as it is installed: compiled, one mixed port, flow log off like the others' access logs. */
export const fairlead: Peer = {
  name: 'fairlead',
  packages: [],
  doors: ['http', 'socks5'],
  available: () => existsSync(MAIN),
  start: (place) => startFairlead(place, {}),
}

/** The same without the fast path. */
export const fairleadPortable: Peer = {
  name: 'fairlead (fast path off)',
  packages: [],
  doors: ['http', 'socks5'],
  only: ['down-4', 'up-4', 'connects', 'first-byte', 'turns', 'requests', 'idle-10000'],
  available: fairlead.available,
  start: (place) => startFairlead(place, { FAIRLEAD_FAST_RELAY: 'off' }),
}

export async function startFairlead(
  place: Place,
  env: NodeJS.ProcessEnv,
  upstream: readonly string[] = [],
): Promise<RunningPeer> {
  const port = await freePort()
  const file = path.join(place.folder, `fairlead-${port}.yaml`)
  const proxy = upstream.length > 0 ? { proxy: { mode: 'manual', http: upstream, https: upstream } } : {}
  const status = { status: { listen: `unix:${path.join(place.folder, `status-${port}.sock`)}` } }
  writeFileSync(
    file,
    JSON.stringify({ listen: { mixed: `127.0.0.1:${port}` }, log: { level: 'warn' }, ...status, ...proxy }),
  )
  const doors = new Map<Door, number>([
    ['http', port],
    ['socks5', port],
  ])
  return startProgram(process.execPath, [MAIN, 'start', '--config', file], doors, env)
}

/** Through a chain of CONNECT proxies. What is measured is Fairlead alone, without them. */
const overHops = (hops: number): Peer => ({
  name: `fairlead over ${hops === 1 ? '1 hop' : `${hops} hops`}`,
  packages: [],
  doors: ['http'],
  only: ['down-4', 'first-byte'],
  available: fairlead.available,
  async start(place) {
    const chain = await Promise.all(Array.from({ length: hops }, () => fastRelayAlone.start(place)))
    const urls = chain.map((hop) => `http://127.0.0.1:${hop.doors.get('http')}`)
    const gateway = await startFairlead(place, {}, urls)
    const stop = async (): Promise<void> => {
      await Promise.all([gateway, ...chain].map((program) => program.stop()))
    }
    return { ...gateway, stop }
  },
})
export const chains: readonly Peer[] = [1, 2, 3].map(overHops)

/** Of a part of Fairlead. */
const BULK = ['down-4', 'up-4']

function script(name: string, only: readonly string[] | undefined, file: string, ...args: string[]): Peer {
  return {
    name,
    ...(only ? { only } : {}),
    packages: [],
    doors: ['http'],
    available: () => true,
    async start() {
      const port = await freePort()
      const command = ['--import=tsx', here(file), String(port), ...args]
      return startProgram(process.execPath, command, new Map([['http', port]]))
    },
  }
}

export const nodePipe = script('bare Node pipe', TUNNELS, './connect-server.ts', 'pipe')
/** The relays alone, under the smallest server there can be. */
export const fastRelayAlone = script('fast relay alone', BULK, './connect-server.ts', 'fast')
export const portableRelayAlone = script('portable relay alone', BULK, './connect-server.ts', 'portable')
export const proxyChain = script('proxy-chain as it comes', undefined, './proxy-chain-server.ts')
