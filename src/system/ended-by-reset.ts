import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

const byte = Buffer.alloc(1)

/**
 * Whether the `end` of a socket was a reset: to be asked in its `end` event. libuv does not read to the end where a read came short and epoll has
 * said HUP (`uv__stream_io`); it reports EOF, also when what stands behind the bytes is a reset. The read that it left out tells: 0 where the
 * kernel has had the peer's FIN, whatever came after that, and an error where it has not (tcp(7), unix(7)). A byte means that bytes are missing.
 *
 * Under TLS an end is the peer's close_notify, of which the kernel knows nothing: false, as for what has no descriptor.
 */
export function endedByReset(conn: Duplex): boolean {
  if (!(conn instanceof Socket) || conn instanceof TLSSocket) return false
  const { fd = -1 } = (conn as unknown as { _handle?: { fd?: number } | null })._handle ?? {}
  if (fd < 0) return false
  try {
    return readSync(fd, byte) > 0
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'EAGAIN'
  }
}
