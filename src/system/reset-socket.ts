import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'

/**
 * Ends a connection at once, by a TCP reset where there is TCP to send one: a FIN in the middle of what is delimited by the end of the connection would read
 * as its end. libuv refuses a reset while its shutdown() is under way; Node then lets go of the handle and never closes it: no `close`, a descriptor
 * that is lost, and a process that does not end. Once FIN is on its way, closing is all there is to do.
 */
export function resetSocket(conn: Duplex, error?: Error): void {
  if (conn.destroyed) return
  const finSent = conn.writableEnded && conn.writableLength === 0
  const transport = transportOf(conn)
  if (transport instanceof Socket && !finSent) {
    try {
      transport.resetAndDestroy()
    } catch {
      // A UNIX socket, or TLS over something else: no reset of its own.
    }
  }
  conn.destroy(error)
}

/** Under TLS it is the TCP socket below that can be reset: to many TLS clients a bare FIN looks like an orderly end of what they were reading. */
function transportOf(conn: Duplex): Duplex {
  if (!(conn instanceof TLSSocket)) return conn
  const below = (conn as unknown as { _parent?: unknown })._parent // undocumented; absent where TLS runs over a stream of ours
  return below instanceof Socket ? below : conn
}
