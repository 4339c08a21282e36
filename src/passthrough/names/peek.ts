import type { Socket } from 'node:net'
import type { Clock } from '../../contracts/clock.ts'
import { SNIFF_BYTES, type Sniffed, sniffName } from '../../wire/sniffed-name.ts'

export interface PeekOptions {
  readonly clock: Clock
  /** Milliseconds to wait for a first byte. Protocols in which the server speaks first lose this much. */
  readonly silenceMs: number
}

/** Milliseconds for the rest of a head or ClientHello that has begun: its segments are on their way. */
const REST_MS = 1_000

/**
 * Looks at what a client sends first and leaves every byte, and its FIN, in the socket, in their order. The socket comes and goes paused,
 * without listeners of ours. Never rejects.
 */
export function peekName(socket: Socket, { clock, silenceMs }: PeekOptions): Promise<Sniffed> {
  return new Promise((resolve) => {
    let seen = 0
    let last: Sniffed = { kind: 'more' }
    let cancel = clock.after(silenceMs, () => finish())

    const finish = () => {
      cancel()
      socket.off('readable', look)
      socket.off('close', finish)
      socket.pause()
      resolve(last)
    }
    const look = () => {
      const length = socket.readableLength
      // Putting bytes back is an event too. FIN without any byte: there is nothing to wait for.
      if (length === seen) return length === 0 ? finish() : endedEarly(socket) ? finish() : undefined
      const bytes = socket.read() as Buffer | null
      if (bytes === null) return finish()
      // Nothing is there to be read: a reader who asks for more than the high-water mark raises it. Before Node 22 that is 16 KiB, and no piece beyond is told of.
      if (seen === 0) socket.read(SNIFF_BYTES)
      // In the same turn, so that the end of the stream is not told before its last bytes are read for good.
      socket.unshift(bytes)
      if (seen === 0) {
        cancel()
        cancel = clock.after(REST_MS, () => finish())
      }
      seen = bytes.length
      last = sniffName(bytes)
      if (last.kind !== 'more' || seen >= SNIFF_BYTES || endedEarly(socket)) finish()
    }
    if (socket.destroyed) return finish()
    socket.on('readable', look)
    socket.once('close', finish)
  })
}

/** The client's FIN is here already, behind the bytes: no more will come. Undocumented, and only a way to be quicker. */
function endedEarly(socket: Socket): boolean {
  return (socket as unknown as { _readableState?: { ended?: boolean } })._readableState?.ended === true
}
