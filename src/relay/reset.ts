import { Socket } from 'node:net'
import type { Conn } from '../contracts/conn.ts'

/** Closes a Conn so that its peer sees a broken connection and not an orderly end: a TCP reset where there is TCP to send one. */
export function reset(conn: Conn): void {
  if (conn.destroyed) return
  // libuv refuses a reset after its shutdown(), and Node then leaves the handle open: once FIN is on its way, closing is all there is to do.
  const finSent = conn.writableEnded && conn.writableLength === 0
  if (conn instanceof Socket && !finSent) {
    try {
      conn.resetAndDestroy()
      return
    } catch {
      // A UNIX socket or TLS: no reset of its own.
    }
  }
  conn.destroy(new Error('connection reset by the gateway'))
}
