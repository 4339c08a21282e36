import { Duplex } from 'node:stream'
import { SocksClient } from 'socks'
import type { Conn } from '../contracts/conn.ts'
import type { Hop } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'

export type SocksCommand = 'connect' | 'associate'

/** The `socks` package's side of one handshake. It sees whole, checked messages only and never the connection itself. */
export interface PackageHandshake {
  /** One message of the server. */
  deliver(message: Buffer): void
  /** Resolves when the package, too, says that the tunnel stands. */
  readonly established: Promise<void>
  /** Lets go of it, whatever it is doing. */
  dispose(): void
}

/**
 * Lets the `socks` package hold the client's part of a SOCKS handshake on `conn`, and keeps its faults (2.8) away from the connection:
 * it would let go of bytes that follow its last message and set the socket flowing; it never clears its timer, which holds on to
 * socket, buffer and password for its whole length; its errors carry the password. So it gets a stream of its own, is fed message by
 * message, and its errors stay here.
 */
export function startPackageHandshake(
  conn: Conn,
  hop: Hop,
  target: Omit<Target, 'family'>,
  command: SocksCommand,
): PackageHandshake {
  const stream = new PackageStream(conn)
  const client = new SocksClient({
    command,
    destination: { host: target.host, port: target.port },
    proxy: {
      host: hop.host,
      port: hop.port,
      type: hop.kind === 'socks4' || hop.kind === 'socks4a' ? 4 : 5,
      ...(hop.credentials && { userId: hop.credentials.username, password: hop.credentials.password.reveal() }),
    },
    // The least it takes. The timer then fires at once, does nothing, and lets go; the handshake's real limit is ours.
    timeout: 1,
  })
  Object.assign(client, { onEstablishedTimeout: ignore })
  const established = new Promise<void>((resolve, reject) => {
    client.once('established', () => resolve())
    // Its error is not passed on: it holds the options, and with them the password.
    client.once('error', () => reject(new Error('the SOCKS client gave up')))
  })
  established.catch(ignore)
  client.connect(stream)
  return {
    deliver: (message) => void stream.push(message),
    established,
    dispose: () => void stream.destroy(),
  }
}

/** What the package writes goes to the connection; what it reads is what it is given. */
class PackageStream extends Duplex {
  readonly #conn: Conn

  constructor(conn: Conn) {
    super()
    this.#conn = conn
    this.on('error', ignore)
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    // At most 2 + 513 + 262 bytes in all: no back-pressure to keep.
    if (!this.#conn.destroyed) this.#conn.write(chunk)
    done()
  }
}

function ignore(): void {}
