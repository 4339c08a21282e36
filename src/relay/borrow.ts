import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Conn } from '../contracts/conn.ts'

/** What libuv's stream handles offer under a `net.Socket`; not documented, stable since Node 0.x, and checked before use. */
interface StreamHandle {
  readonly fd: number
  reading: boolean
  readStop(): number
}

/** A socket whose descriptor somebody else uses for a while. Node keeps the socket and is the one to close it. */
export interface Borrowed {
  readonly fd: number
  /** Bytes Node had already read; they come before anything that is in the kernel. */
  readonly early: Uint8Array | undefined
  /** Node may have it back: a destroy() that came meanwhile now takes place. */
  giveBack(): void
}

/** Whether a Conn is nothing but a kernel socket: open both ways, no TLS on it, no byte of ours still unwritten. */
export function canBorrow(conn: Conn): conn is Socket {
  if (!(conn instanceof Socket) || conn instanceof TLSSocket || conn.connecting || conn.destroyed) return false
  if (!conn.readable || !conn.writable || conn.writableLength > 0 || conn.writableEnded || conn.readableEnded)
    return false
  const handle = handleOf(conn)
  return handle !== undefined && handle.fd >= 0 && typeof handle.readStop === 'function'
}

/**
 * Takes the descriptor out of Node's hands, all in one turn of the event loop: first what Node has read is taken out of the stream, then
 * libuv is told to stop, so every later byte stays in the kernel. As long as it is borrowed a `destroy()` (of a time limit, of a door that
 * closes) must not free the number for the next socket: it is held back, and `onDestroy` asks the borrower to hurry.
 */
export function borrow(socket: Socket, onDestroy: () => void): Borrowed {
  const handle = handleOf(socket)!
  socket.allowHalfOpen = true
  socket.setTimeout(0)
  socket.setNoDelay(true)
  const early = takeBuffered(socket)
  socket._read = () => {} // reading again would be Node's reaction to an empty buffer
  handle.readStop()
  handle.reading = false

  const destroyForGood = socket._destroy
  let held: (() => void) | undefined
  socket._destroy = (error, callback) => {
    held = () => destroyForGood.call(socket, error, callback)
    onDestroy()
  }
  return {
    fd: handle.fd,
    early,
    giveBack() {
      socket._destroy = destroyForGood
      held?.()
    },
  }
}

function takeBuffered(socket: Socket): Uint8Array | undefined {
  if (socket.readableLength === 0) return undefined
  const chunks: Uint8Array[] = []
  for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) chunks.push(chunk as Buffer)
  // A copy of its own: a slice of Node's pool would be sent to the worker with all of the pool.
  return new Uint8Array(Buffer.concat(chunks))
}

const handleOf = (socket: Socket): StreamHandle | undefined =>
  (socket as unknown as { _handle?: StreamHandle | null })._handle ?? undefined
