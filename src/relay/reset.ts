import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Conn } from '../contracts/conn.ts'
import { discardReceived } from '../system/discard-received.ts'
import { streamDescriptor } from '../system/stream-descriptor.ts'
import { LINGER_BYTES } from './limits.ts'

/** Closes a Conn so that its peer sees a broken connection and not an orderly end: a TCP reset where there is TCP to send one. */
export function reset(conn: Conn): void {
  if (conn.destroyed) return
  // libuv refuses a reset after its shutdown(), and Node then leaves the handle open: once FIN is on its way, closing is all there is to do.
  const finSent = conn.writableEnded && conn.writableLength === 0
  const transport = transportOf(conn)
  if (transport instanceof Socket && !finSent) {
    try {
      transport.resetAndDestroy()
    } catch {
      // A UNIX socket, or TLS over something else: no reset of its own.
    }
  }
  conn.destroy(new Error('connection reset by the gateway'))
}

/** Closes a Conn that has been sent FIN, so that all that was sent before still arrives, whatever it has said meanwhile. */
export function closeInOrder(conn: Conn): void {
  if (conn.destroyed) return
  const fd = streamDescriptor(conn)
  if (fd >= 0) discardReceived(fd, LINGER_BYTES)
  conn.destroy()
}

/** Under TLS it is the TCP socket below that can be reset: to many TLS clients a bare FIN looks like an orderly end of what they were reading. */
function transportOf(conn: Conn): Conn {
  if (!(conn instanceof TLSSocket)) return conn
  const below = (conn as unknown as { _parent?: unknown })._parent // undocumented; absent where TLS runs over a stream of ours
  return below instanceof Socket ? below : conn
}
