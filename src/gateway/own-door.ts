import type { Socket } from 'node:net'
import type { Target } from '../contracts/target.ts'
import type { Settings } from '../settings/settings.ts'
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
