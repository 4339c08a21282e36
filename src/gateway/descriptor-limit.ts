import { readFile } from 'node:fs/promises'
import { MAX_REPLY_SOCKETS, REFUSED_CLIENTS_SHARE } from '../passthrough/udp/reply-sockets.ts'
import { MAX_SPARE_PIPES } from '../relay/pipe-pool.ts'
import { byteThreads } from './byte-threads.ts'
import { SESSIONS, SESSIONS_PER_CLIENT } from './packet-limits.ts'
import type { UdpPlaces } from './packet-sessions.ts'

/** Each tunnel takes two descriptors, and a hundred are the process's own. */
const DESCRIPTORS_PER_CONNECTION = 2
const OWN_DESCRIPTORS = 100
/**
 * Of a thread that moves bytes: four of Node's, an epoll and an eventfd; its own of the listening sockets, which are few; and the pipes that it keeps. Those in use are
 * for slow readers, and where no more can be opened bytes are copied.
 */
const DESCRIPTORS_PER_THREAD = 6 + 4 + 2 * MAX_SPARE_PIPES
/** Of a client's UDP socket: one for each family, and its relay or its control connection at a proxy. */
const DESCRIPTORS_PER_CLIENT_SOCKET = 3
/** For answers: of captured datagrams, of captured DNS, and for refusals two for each client. */
const DESCRIPTORS_PER_REPLY_SOCKET = 2 + 2 / REFUSED_CLIENTS_SHARE
/** All that UDP takes, where there is room for it. */
const ALL_OF_UDP = SESSIONS * DESCRIPTORS_PER_CLIENT_SOCKET + MAX_REPLY_SOCKETS * DESCRIPTORS_PER_REPLY_SOCKET
/** Of too few descriptors, UDP's part; and of its client sockets, that of one client. */
const SHARE_OF_UDP = 1 / 4
const SHARE_OF_A_CLIENT = 1 / 4
/** With fewer, answers of two or three servers would open a socket each. */
const FEWEST_REPLY_SOCKETS = REFUSED_CLIENTS_SHARE

/** What there may be at once, so that neither connections nor datagrams take the other's last descriptor. */
export interface Room {
  /** Client connections. */
  readonly connections: number
  /** Client sockets of UDP. */
  readonly udp: UdpPlaces
  /** Sockets that answers are sent by; see `UdpDoorOptions`. */
  readonly replySockets: number
}

export const ROOM_FOR_ALL: Room = {
  connections: Number.POSITIVE_INFINITY,
  udp: { all: SESSIONS, ofAClient: SESSIONS_PER_CLIENT },
  replySockets: MAX_REPLY_SOCKETS,
}

/** The soft limit on open files (Linux), `Infinity` for unlimited, or `undefined` where it cannot be read. Node raises soft to hard at start by itself. */
export async function descriptorLimit(limitsFile = '/proc/self/limits'): Promise<number | undefined> {
  const text = await readFile(limitsFile, 'utf8').catch(() => '')
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

/** What a limit on open files leaves room for, where the settings allow `maxConnections`; at least one of everything. */
export function roomWithin(limit: number | undefined, maxConnections: number, threads = byteThreads()): Room {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) return ROOM_FOR_ALL
  const all = limit - OWN_DESCRIPTORS - threads * DESCRIPTORS_PER_THREAD
  // What connections do not need is UDP's.
  const left = all - maxConnections * DESCRIPTORS_PER_CONNECTION
  const udp = Math.max(0, Math.min(ALL_OF_UDP, Math.max(all * SHARE_OF_UDP, left)))
  // A reload may let more connect, up to here: then what UDP has beyond its part can be wanted twice, until the next start.
  const kept = Math.max(0, Math.min(udp, all * SHARE_OF_UDP))
  const part = udp / ALL_OF_UDP
  const sockets = Math.max(1, Math.floor(SESSIONS * part))
  return {
    connections: Math.max(1, Math.floor((all - kept) / DESCRIPTORS_PER_CONNECTION)),
    udp: { all: sockets, ofAClient: Math.min(SESSIONS_PER_CLIENT, Math.ceil(sockets * SHARE_OF_A_CLIENT)) },
    replySockets: Math.max(FEWEST_REPLY_SOCKETS, Math.floor(MAX_REPLY_SOCKETS * part)),
  }
}

/** A sentence to log when the limit is lower than what the settings allow, else `undefined`. `room`: what is served, which a reload does not change. */
export function descriptorShortage(
  limit: number | undefined,
  maxConnections: number,
  threads = byteThreads(),
  room = roomWithin(limit, maxConnections, threads),
): string | undefined {
  const needed =
    maxConnections * DESCRIPTORS_PER_CONNECTION + ALL_OF_UDP + OWN_DESCRIPTORS + threads * DESCRIPTORS_PER_THREAD
  if (limit === undefined || limit >= needed) return undefined
  const { connections, udp } = room
  // Fewer of all clients together are no shortage yet.
  if (connections >= maxConnections && udp.ofAClient === SESSIONS_PER_CLIENT) return undefined
  return `the limit on open files is ${limit}; ${maxConnections} connections and UDP need ${needed}, so at most ${Math.min(connections, maxConnections)} connections at each door and ${udp.all} client sockets of UDP (${udp.ofAClient} of one client) are served. Raise it (ulimit -n ${needed}, or LimitNOFILE= of the service), or lower limits.connections`
}
