import type { Server, Socket } from 'node:net'
import { hasLibc } from './linux/libc.ts'
import { keepUrgentInPlace } from './linux/sockets.ts'

/**
 * Has the urgent byte of TCP stay in its place in what is read, of a connection or of all that a server accepts from here on (tcp(7)). Node has no way to
 * ask for it: libuv does so by itself on macOS (`uv__stream_open`), and elsewhere the byte is lost where we cannot call the system.
 */
export function keepUrgentBytes(socket: Socket | Server): void {
  const fd = (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd ?? -1 // undocumented
  if (hasLibc && fd >= 0) keepUrgentInPlace(fd)
}
