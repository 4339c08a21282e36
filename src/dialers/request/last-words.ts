import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Conn } from '../../contracts/conn.ts'
import { behindEnd } from '../../system/ended-by-reset.ts'

/**
 * Who answers before it has read all of the request, and closes, resets the connection, and the next write may hear of that before any read does: Node then
 * closes what it has not read. Here that is read first and told like all that came before it. Not under TLS, where nobody could decrypt it.
 */
export function hearLastWords(conn: Conn): void {
  if (!(conn instanceof Socket) || conn instanceof TLSSocket || conn._destroy !== Socket.prototype._destroy) return
  conn._destroy = destroyHeard
}

function destroyHeard(this: Socket, error: Error | null, callback: (error?: Error | null) => void): void {
  if ((error as NodeJS.ErrnoException | null)?.syscall === 'write') {
    // With an error set, reading tells nobody.
    for (let chunk = this.read() as Buffer | null; chunk !== null; chunk = this.read() as Buffer | null)
      this.emit('data', chunk)
    for (const chunk of behindEnd(this).bytes) this.emit('data', chunk)
  }
  Socket.prototype._destroy.call(this, error, callback)
}
