import { SO_MEMINFO, SO_RCVBUFFORCE, SOL_SOCKET } from './socket-numbers.ts'
import { getSocketOption, setSocketOption } from './sockets.ts'

/** The numbers that SO_MEMINFO tells, and which of them is that of the drops (SK_MEMINFO_VARS, SK_MEMINFO_DROPS of linux/sock_diag.h). */
const NUMBERS = 9
const DROPS = 8

/** What a socket may keep until it is read, beyond the system's limit (socket(7), SO_RCVBUFFORCE); false without CAP_NET_ADMIN. */
export function forceReceiveBuffer(fd: number, bytes: number): boolean {
  const value = Int32Array.of(bytes)
  return setSocketOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, value, value.byteLength) === 0
}

/** Datagrams that the kernel has dropped since the socket was opened, nearly always for want of room; counted in 32 bits. 0 where it does not say. */
export function droppedDatagrams(fd: number): number {
  const told = new Uint32Array(NUMBERS)
  const bytes = Uint32Array.of(told.byteLength)
  if (getSocketOption(fd, SOL_SOCKET, SO_MEMINFO, new Uint8Array(told.buffer), bytes) !== 0) return 0
  return told[DROPS]!
}
