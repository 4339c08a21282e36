import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { hasLibc } from './linux/libc.ts'
import { tcpBytesReceived } from './linux/tcp-info.ts'
import { streamDescriptor } from './stream-descriptor.ts'

const byte = Buffer.alloc(1)
const room = Buffer.alloc(64 * 1024)
/** Bytes behind an end that are read at most: more than the kernel keeps for one socket, however much it is allowed to (`net.ipv4.tcp_rmem`). */
const MOST_BYTES = 64 * 1024 * 1024

/**
 * Whether the `end` of a socket was a reset: to be asked in its `end` event. libuv does not read to the end where a read came short and epoll has
 * said HUP (`uv__stream_io`); it reports EOF, also when what stands behind the bytes is a reset. The read that it left out tells: 0 where the
 * kernel has had the peer's FIN, whatever came after that, and an error where it has not (tcp(7), unix(7)). A byte means that bytes are missing.
 *
 * Under TLS the descriptor is that of TCP, and a close_notify is an end whatever TCP does behind it. Of what has no descriptor nothing is known: false.
 */
export function endedByReset(conn: Duplex): boolean {
  const fd = descriptorOf(conn)
  if (fd === undefined) return false
  if (conn instanceof TLSSocket) return isBehindReset(fd, () => hasNoFin(fd, conn)) && !endedByCloseNotify(conn)
  return isBehindReset(fd, never)
}

/** `erased`: whether a 0 says nothing. */
function isBehindReset(fd: number, erased: () => boolean): boolean {
  try {
    return readSync(fd, byte) > 0 || erased()
  } catch (thrown) {
    return isReset(thrown)
  }
}

const never = () => false

/**
 * Whether TCP under TLS has ended without the peer's FIN, as its count shows. The kernel tells an error once. Our own close_notify is a write, and behind a reset it is that which
 * is told; Node drops it there (`TLSWrap::EncOut`, `OnStreamAfterWrite`), and the read says 0 then. False where the system does not tell.
 */
function hasNoFin(fd: number, socket: TLSSocket): boolean {
  const read = handleOf(socket)?._parent?.bytesRead
  return hasLibc && read !== undefined && tcpBytesReceived(fd) === read
}

/** The same, for who can still use them with the bytes that libuv has left unread: before an urgent byte a read comes short, and more stands behind it (tcp(7)). */
export function behindEnd(conn: Duplex): { readonly bytes: readonly Buffer[]; readonly byReset: boolean } {
  const bytes: Buffer[] = []
  if (conn instanceof TLSSocket) return { bytes, byReset: endedByReset(conn) }
  const fd = descriptorOf(conn)
  if (fd === undefined) return { bytes, byReset: false }
  try {
    for (let left = MOST_BYTES; left > 0; ) {
      const got = readSync(fd, room)
      if (got === 0) return { bytes, byReset: false }
      bytes.push(Buffer.from(room.subarray(0, got)))
      left -= got
    }
    return { bytes, byReset: true }
  } catch (thrown) {
    return { bytes, byReset: isReset(thrown) }
  }
}

function descriptorOf(conn: Duplex): number | undefined {
  if (!(conn instanceof Socket)) return undefined
  const fd = streamDescriptor(conn)
  return fd < 0 ? undefined : fd
}

const isReset = (thrown: unknown) => (thrown as NodeJS.ErrnoException).code !== 'EAGAIN'

/**
 * Whether an end inside TLS was the peer's close_notify and not the end of TCP. At the latter libuv has stopped reading (`uv__stream_eof`), and says so when it is asked
 * to begin; and one that Node has told to stop hears of none, but of a close_notify that had come before. To be asked in the `end` event. Undocumented.
 */
function endedByCloseNotify(socket: TLSSocket): boolean {
  const handle = handleOf(socket)
  const below = handle?._parent
  if (handle?.reading === false || below?.readStart?.() !== 0) return true
  below.readStop?.()
  return false
}

/** Of Node's own: TLS, and what it reads from. */
interface TlsHandle {
  readonly reading?: boolean
  readonly _parent?: { readonly bytesRead?: number; readStart?(): number; readStop?(): number }
}

const handleOf = (socket: TLSSocket) => (socket as unknown as { readonly _handle?: TlsHandle | null })._handle
