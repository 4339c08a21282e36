import type { Socket } from 'node:net'
import { hasLibc } from './linux/libc.ts'
import { keepAlive } from './linux/sockets.ts'
import { streamDescriptor } from './stream-descriptor.ts'

/** Milliseconds of silence before the first probe. */
const KEEP_ALIVE_MS = 60_000

/**
 * Has TCP ask whether the peer of a connection that stands is still there. Node's own way asks each second, ten times: it takes a VPN that stalls for the
 * peer's end, and is only for where the system lets us have no other.
 */
export function keepStreamAlive(socket: Socket): void {
  const fd = streamDescriptor(socket)
  if (hasLibc && fd >= 0) keepAlive(fd)
  else socket.setKeepAlive(true, KEEP_ALIVE_MS)
}
