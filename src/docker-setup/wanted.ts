import { isLoopback } from '../wire/address.ts'
import type { ListenAddress } from '../wire/listen-address.ts'
import { formatHost } from '../wire/target.ts'
import type { JsonObject } from './json-edit.ts'

/** One way in that engine and containers may be told of. */
export interface DoorChoice {
  readonly address: ListenAddress
  readonly scheme: 'http' | 'https'
  readonly needsUser: boolean
}

/** What goes into each file; a `reason` where nothing can. */
export interface Wanted {
  readonly engine: WantedPart
  readonly client: WantedPart
}

export type WantedPart =
  | { readonly values: JsonObject; readonly reason?: undefined }
  | {
      readonly values?: undefined
      readonly reason: string
      readonly hint: string
      /** A door is there, and cannot be named as this machine is now: what was told of it before may well be right. */
      readonly isForNow?: true
    }

export interface WantedOptions {
  /** Doors of scope `containers`, in the order of the settings. */
  readonly doors: readonly DoorChoice[]
  /** The host's address on the engine's bridge, where there is one: what containers reach a door on all addresses by. */
  readonly bridgeAddress?: string | undefined
  /** More names and blocks that are not asked of the gateway. */
  readonly noProxy: readonly string[]
}

/** Loopback is each program's own: the gateway's would be another machine's, or another container's. */
const NEVER_PROXIED = ['localhost', '127.0.0.1', '::1']

/** The engine runs beside the gateway and may use its loopback; containers may not. */
export function wantedSettings({ doors, bridgeAddress, noProxy }: WantedOptions): Wanted {
  const list = [...NEVER_PROXIED, ...noProxy].join(',')
  const open = doors.filter(({ address, needsUser }) => address.kind === 'tcp' && address.port !== 0 && !needsUser)
  const engine = first(open, (host) => (isUnspecified(host) ? loopbackLike(host) : host))
  const client = first(open, (host) => (isUnspecified(host) ? bridgeAddress : isLoopback(host) ? undefined : host))
  const awaitsBridge = open.some(({ address }) => address.kind === 'tcp' && isUnspecified(address.host))
  return {
    engine: engine
      ? { values: { proxies: { 'http-proxy': engine, 'https-proxy': engine, 'no-proxy': list } } }
      : { reason: whyNone(doors), hint: ENGINE_HINT },
    client: client
      ? { values: { proxies: { default: { httpProxy: client, httpsProxy: client, noProxy: list } } } }
      : awaitsBridge
        ? { reason: NO_BRIDGE, hint: NO_BRIDGE_HINT, isForNow: true }
        : {
            reason: open.length > 0 ? 'containers cannot reach a door on loopback' : whyNone(doors),
            hint: CLIENT_HINT,
          },
  }
}

const ENGINE_HINT =
  'Give the gateway one, such as listen: { mixed: [ 127.0.0.1:3128, { address: "127.0.0.1:3129", scope: containers } ] }.'
const CLIENT_HINT =
  'Capture needs no settings in containers. To tell them all the same, add a door at the address of the engine’s bridge: { address: "172.17.0.1:3128", scope: containers, from: [172.16.0.0/12] }.'

const NO_BRIDGE =
  'the door is on all addresses, and containers reach it at that of docker0, of which this machine has none'
const NO_BRIDGE_HINT =
  'Start the engine first; where it has no docker0, give the door the address of a bridge: { address: "172.18.0.1:3128", scope: containers, from: [172.16.0.0/12] }.'

function whyNone(doors: readonly DoorChoice[]): string {
  if (doors.length === 0) return 'no door of the settings has scope: containers'
  if (doors.every(({ needsUser }) => needsUser))
    return 'every door with scope: containers asks for credentials, which Docker would keep in clear'
  return 'no door with scope: containers has a TCP address with a port of its own'
}

function first(doors: readonly DoorChoice[], hostFor: (host: string) => string | undefined): string | undefined {
  for (const { address, scheme } of doors) {
    const host = address.kind === 'tcp' ? hostFor(address.host) : undefined
    if (host !== undefined && address.kind === 'tcp') return `${scheme}://${formatHost(host)}:${address.port}`
  }
  return undefined
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function loopbackLike(host: string): string {
  return host === '::' ? '::1' : '127.0.0.1'
}
