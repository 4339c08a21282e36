import type { Clock } from '../contracts/clock.ts'
import type { GatewayError } from '../contracts/gateway-error.ts'
import type { DropReason } from '../contracts/packet.ts'
import type { CaptureDoorOptions } from '../passthrough/capture-door.ts'
import { detourOf } from '../passthrough/rules/capture-plan.ts'
import { seldom } from './seldom.ts'

/** Milliseconds between warnings that attempts are left waiting, or datagrams dropped. */
const CROWDED_LOG_MS = 60_000

/** Warns that captured connection attempts are left without an answer, or refused, because there are too many. */
export function tellCrowded(clock: Clock, warn: (message: string) => void): CaptureDoorOptions['crowded'] {
  const crowded = (which: Crowd) =>
    seldom<string>(clock, CROWDED_LOG_MS, (address, more) => warn(`capture: ${SAID[which](address)}${counted(more)}`))
  // Each by itself, so that what is counted is like what is said.
  const tell: Readonly<Record<Crowd, (address: string) => void>> = {
    full: crowded('full'),
    'full-for-client': crowded('full-for-client'),
    'no-room': crowded('no-room'),
    'no-share': crowded('no-share'),
  }
  return (address, which) => tell[which](address)
}

type Crowd = Parameters<CaptureDoorOptions['crowded']>[1]

const WAIT = 'those beyond wait and are sent again'
const SAID: Readonly<Record<Crowd, (address: string) => string>> = {
  full: () => `too many connection attempts of all clients together are without an answer; ${WAIT}`,
  'full-for-client': (address) => `${address} has too many connection attempts without an answer; ${WAIT}`,
  'no-room': (address) =>
    `as many connections are open as limits.connections and the system's limit of open files allow; those beyond, of ${address} now, are refused`,
  'no-share': (address) =>
    `${address} has as many connections as limits.connections and the system's limit of open files leave for all others; those beyond are refused`,
}

/** Warns that datagrams of a client are dropped because it, or all together, have too many sockets and far sides. */
export function tellCrowdedUdp(clock: Clock, warn: (message: string) => void): (address: string) => void {
  return seldom<string>(clock, CROWDED_LOG_MS, (address, more) =>
    warn(
      `UDP: ${address} has too many sockets or far sides at once, or all together have; datagrams of further ones are dropped${counted(more)}`,
    ),
  )
}

/** Counts datagrams that went nowhere; warns of answers that the system did not take, or that could not come from `port`. */
export function tellDropped(
  clock: Clock,
  count: (reason: DropReason, count: number) => void,
  warn: (message: string) => void,
): (reason: DropReason, count?: number, port?: number) => void {
  const unsent = seldom<number>(clock, CROWDED_LOG_MS, () =>
    warn(
      'UDP: answers go nowhere, mostly for earlier ones to the same client still wait for an address that nobody answers at: it has gone, or somebody feigns it; others are answered. fairlead_packets_dropped_total counts them (unsent)',
    ),
  )
  const taken = seldom<number>(clock, CROWDED_LOG_MS, (port) =>
    warn(
      `UDP: what port ${port} of far sides answers cannot be sent to captured clients: neither that UDP port can be had here nor port ${detourOf(port)}, the way round it. Programs of this host (\`ss -ulnp\` tells which) have them at every address: bind one of them to addresses of its own. fairlead_packets_dropped_total counts them (port-taken)`,
    ),
  )
  return (reason, dropped = 1, port = 0) => {
    count(reason, dropped)
    if (reason === 'unsent') unsent(dropped)
    if (reason === 'port-taken') taken(port)
  }
}

/** Warns that captured connections cannot be taken. */
export function tellTrouble(clock: Clock, warn: (message: string) => void): (error: GatewayError) => void {
  return seldom<GatewayError>(clock, CROWDED_LOG_MS, ({ message }, more) => warn(`capture: ${message}${counted(more)}`))
}

/** How often the same was not said. */
function counted(more: number): string {
  return more > 0 ? ` (${more} more of these)` : ''
}
