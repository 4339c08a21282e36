import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Door } from '../load/handshake.ts'
import { freePort, type Peer, type Place, type RunningPeer, startProgram } from './peer.ts'

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

function script(name: string, file: string, ...args: string[]): Peer {
  return {
    name,
    ...(args.length > 0 ? { tunnelsOnly: true } : {}),
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

export const nodePipe = script('bare Node pipe', './connect-server.ts', 'pipe')
/** The relays alone, under the smallest server there can be. */
export const fastRelayAlone = script('fast relay alone', './connect-server.ts', 'fast')
export const portableRelayAlone = script('portable relay alone', './connect-server.ts', 'portable')
export const proxyChain = script('proxy-chain as it comes', './proxy-chain-server.ts')
