import type { Socket } from 'node:net'

/**
 * Reads on from a socket that Node's HTTP server has let go (CONNECT, Upgrade) while its parser was paused. The server stops the handle itself, and
 * leaves it stopped, with the stream none the wiser: `read(0)` and `resume()` take a read to be under way, and nothing would ever come. `_read` is
 * what starts a handle, and does nothing to one that reads; what comes waits in the stream's buffer, within its bounds.
 */
export function readOn(socket: Socket): void {
  if (!socket.destroyed) socket._read(0)
}
