import type { Socket } from 'node:net'
import type { Clock } from '../contracts/clock.ts'

/**
 * Milliseconds that a client has to read the last reply. Closing at once while the client still sends makes the kernel answer with a reset,
 * and a reset throws away the reply it has not read yet (RFC 9112 §9.6 describes the same for HTTP).
 */
const LINGER_MS = 1000

/** Sends the last bytes and FIN, lets the client read them, and closes. What it still sends is dropped. */
export function farewell(socket: Socket, lastBytes: Buffer | undefined, clock: Clock): void {
  if (socket.destroyed) return
  const cancel = clock.after(LINGER_MS, () => socket.destroy())
  socket.once('close', cancel)
  socket.once('end', () => socket.destroySoon())
  if (lastBytes) socket.end(lastBytes)
  else socket.end()
  socket.resume()
}
