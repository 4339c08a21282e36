import { IPPROTO_TCP, TCP_CONGESTION } from './socket-numbers.ts'
import { getSocketOption, setSocketOption } from './sockets.ts'

/** Bytes of a name, its end included (TCP_CA_NAME_MAX of linux/tcp.h). */
const NAME_BYTES = 16

/** How a TCP socket is to find out what its path carries (tcp(7), TCP_CONGESTION); empty where the kernel does not say. */
export function congestionControl(fd: number): string {
  const name = Buffer.alloc(NAME_BYTES)
  if (getSocketOption(fd, IPPROTO_TCP, TCP_CONGESTION, name, new Uint32Array([NAME_BYTES])) < 0) return ''
  return name.toString('latin1').replace(/\0.*$/s, '')
}

/** False when the kernel says no. Before the connection stands; what a listening socket has, those that it accepts have too. */
export function setCongestionControl(fd: number, name: Buffer): boolean {
  return setSocketOption(fd, IPPROTO_TCP, TCP_CONGESTION, name, name.length) === 0
}
