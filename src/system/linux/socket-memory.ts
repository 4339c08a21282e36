import { SO_MEMINFO, SO_RCVBUF, SO_RCVBUFFORCE, SO_SNDBUFFORCE, SOL_SOCKET } from './socket-numbers.ts'
import { getSocketOption, setSocketOption } from './sockets.ts'

/** The numbers that SO_MEMINFO tells, and the places of those asked for here (SK_MEMINFO_… of linux/sock_diag.h). */
const NUMBERS = 9
const PLACES = { leaving: 2, sendBuffer: 3, unacknowledged: 5, dropped: 8 } as const

export interface SocketMemory {
  /** Bytes of what was sent and has not left this machine yet, as the kernel counts them: with its own book-keeping. */
  readonly leaving: number
  /** The same of what the peer's machine has not acknowledged (TCP), a FIN included; 0: it has everything. */
  readonly unacknowledged: number
  /** Bytes of that which is leaving, at most. */
  readonly sendBuffer: number
  /** Datagrams that the kernel has dropped since the socket was opened, nearly always for want of room; counted in 32 bits. */
  readonly dropped: number
}

const told = new Uint32Array(NUMBERS)
const toldBytes = new Uint8Array(told.buffer)

/** What a socket holds (socket(7), SO_MEMINFO). Undefined where the kernel does not say. */
export function socketMemory(fd: number): SocketMemory | undefined {
  if (getSocketOption(fd, SOL_SOCKET, SO_MEMINFO, toldBytes, Uint32Array.of(told.byteLength)) !== 0) return undefined
  return {
    leaving: told[PLACES.leaving]!,
    sendBuffer: told[PLACES.sendBuffer]!,
    unacknowledged: told[PLACES.unacknowledged]!,
    dropped: told[PLACES.dropped]!,
  }
}

/**
 * What a socket may keep until it is read, beyond the system's limit (socket(7), SO_RCVBUFFORCE); up to that without CAP_NET_ADMIN in the machine's first
 * user namespace, which root in another one has not.
 */
export const setReceiveBuffer = (fd: number, bytes: number): boolean =>
  set(fd, SO_RCVBUFFORCE, bytes) || set(fd, SO_RCVBUF, bytes)

/** What it may have on its way, beyond that limit (SO_SNDBUFFORCE); false without the capability. */
export const forceSendBuffer = (fd: number, bytes: number): boolean => set(fd, SO_SNDBUFFORCE, bytes)

function set(fd: number, option: number, bytes: number): boolean {
  const value = Int32Array.of(bytes)
  return setSocketOption(fd, SOL_SOCKET, option, value, value.byteLength) === 0
}
