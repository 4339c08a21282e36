import type { Socket } from 'node:dgram'
import { hasLibc } from './linux/libc.ts'
import { SO_REUSEADDR, SOL_SOCKET } from './linux/socket-numbers.ts'
import { setSocketOption } from './linux/sockets.ts'
import { udpDescriptor } from './udp-descriptor.ts'

/** Whether `sharePort` does anything. */
export const canSharePorts = hasLibc

/**
 * Lets other sockets have the port of this one at addresses of their own, though it has it at every address, if they ask for it (SO_REUSEADDR,
 * socket(7)); what comes to such an address is theirs. Of a socket that is bound: whether the port was free is settled by then. Taken back, those that
 * have it keep it. Does nothing where the system does not let us.
 */
export function sharePort(socket: Socket, isShared: boolean): void {
  const fd = udpDescriptor(socket)
  const value = Int32Array.of(isShared ? 1 : 0)
  if (fd >= 0 && hasLibc) setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, value, value.byteLength)
}
