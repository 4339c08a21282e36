import { SO_SNDBUFFORCE, SOL_SOCKET } from './socket-numbers.ts'
import { setSocketOption } from './sockets.ts'

/** What a socket may have on its way, beyond the system's limit (socket(7), SO_SNDBUFFORCE); false without CAP_NET_ADMIN. */
export function forceSendBuffer(fd: number, bytes: number): boolean {
  const value = Int32Array.of(bytes)
  return setSocketOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, value, value.byteLength) === 0
}
