import type { Conn } from '../contracts/conn.ts'
import { discardReceived } from '../system/discard-received.ts'
import { resetSocket } from '../system/reset-socket.ts'
import { streamDescriptor } from '../system/stream-descriptor.ts'
import { LINGER_BYTES } from './limits.ts'

/** Closes a Conn so that its peer sees a broken connection and not an orderly end. */
export function reset(conn: Conn): void {
  resetSocket(conn, new Error('connection reset by the gateway'))
}

/** Closes a Conn that has been sent FIN, so that all that was sent before still arrives, whatever it has said meanwhile. */
export function closeInOrder(conn: Conn): void {
  if (conn.destroyed) return
  const fd = streamDescriptor(conn)
  if (fd >= 0) discardReceived(fd, LINGER_BYTES)
  conn.destroy()
}
