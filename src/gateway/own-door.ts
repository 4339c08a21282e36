import type { Socket } from 'node:net'
import type { Route, RouteQuery } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import type { Settings } from '../settings/settings.ts'
import { formatListenAddress } from '../wire/listen-address.ts'
import { specialAddressesOf } from './dns-settings.ts'
import type { Doors } from './doors.ts'

/** What Docker Desktop’s proxy listens at inside: programs know it as http.docker.internal:3128 (behaviour.md §5). */
const PROXY_PORT = 3128

/**
 * Where a captured connection to the gateway's own special address goes: to the containers' door, as the socket that it is. Dialling the door instead
 * would make the container a client on this machine. Undefined: no such address or port, or no such door; the router then says why not.
 */
export function ownDoorFor(
  { host, port }: Target,
  { dns }: Settings,
  doors: Pick<Doors, 'forContainers'>,
): ((socket: Socket) => void) | undefined {
  return port === PROXY_PORT && dns.gatewayAddress.includes(host) ? doors.forContainers : undefined
}

/** The same for `explain`: what becomes of a container's connection there if it is captured; undefined for everything else. */
export function explainOwnDoor(
  query: RouteQuery,
  settings: Pick<Settings, 'capture' | 'dns' | 'listen'>,
): Pick<Route, 'decision' | 'candidates' | 'because'> | undefined {
  const { target, client, scope } = query
  if (!settings.capture.enabled || scope !== 'containers' || !client.container || target.port !== PROXY_PORT) {
    return undefined
  }
  const captured = target.family === 0 ? query : { ...query, captured: { dialled: target } }
  const isGateway = specialAddressesOf(settings).decide(captured)?.because.source === 'loop'
  const door = settings.listen.mixed.find(({ scope, address }) => scope === 'containers' && address.kind === 'tcp')
  if (!isGateway || !door) return undefined
  const detail = `captured, a connection there is led to the door ${formatListenAddress(door.address)}: it is the proxy, which decides about what it is asked for`
  return { decision: 'direct', candidates: [{ hops: [] }], because: { source: 'special-name', detail } }
}
