import { createServer, type DropArgument, type Server, type Socket } from 'node:net'
import tls from 'node:tls'
import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Client } from '../contracts/route.ts'
import type { ListenAddress } from '../wire/listen-address.ts'
import { bind } from './bind.ts'
import { clientOf } from './client.ts'

export interface ListenerOptions {
  readonly address: ListenAddress
  readonly clock: Clock
  /** Everything inside TLS, with this certificate. */
  readonly tls?: TlsMaterial
  /** Open client connections at this listener; the newest are refused beyond it. */
  readonly maxConnections: number
  /** Milliseconds until a client has sent its first byte. Generous, for browsers open connections ahead of need. */
  readonly firstByteMs: number
  /** Milliseconds for a client's TLS handshake. */
  readonly tlsHandshakeMs: number
  /** Whether this client may use the listener at all; asked before a byte is read. */
  admits(client: Client): boolean
  /** A client that has sent its first bytes. The socket is paused, and `first` is no longer in it. */
  onClient(socket: Socket, first: Buffer): void
  /** A client that came to nothing, for the log. */
  onRefused(client: Client, error: GatewayError): void
}

/** PEM, as text or bytes. */
export interface TlsMaterial {
  readonly cert: Buffer | string
  readonly key: Buffer | string
  readonly passphrase?: string
}

export interface Listener {
  /** As bound: with the real port where 0 was asked for. */
  readonly address: ListenAddress
  readonly connections: number
  /** Exchanges the certificate for the connections to come. */
  setTls(material: TlsMaterial): void
  setMaxConnections(count: number): void
  /** Takes no new connections from here on; those that stand go on. */
  close(): void
  /** Ends every connection still open. */
  destroyConnections(): void
}

/** Opens one listening socket, TCP or UNIX, in clear or TLS, and hands on each client with the first bytes it has sent. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const open = new Set<Socket>()
  const onConnection = (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A reset is no event of its own: whoever has the socket sees it close.
    socket.on('error', () => {})
    const client = clientOf(socket)
    if (!options.admits(client)) {
      options.onRefused(client, new GatewayError('ACCESS_DENIED', 'this door is not open to the client’s address'))
      return void socket.destroy()
    }
    awaitFirstBytes(socket, options)
  }
  const server = options.tls ? tlsServer(options.tls, options, onConnection) : clearServer(onConnection)
  server.maxConnections = options.maxConnections
  server.on('drop', (dropped?: DropArgument) => {
    const client = dropped?.remoteAddress ? { address: dropped.remoteAddress, local: false } : { local: true }
    options.onRefused(
      client,
      new GatewayError('LIMIT_REACHED', `${server.maxConnections} connections are open already`),
    )
  })
  const address = await bind(server, options.address)
  // Running out of descriptors shows here; the server goes on by itself when there are some again.
  server.on('error', (cause) => {
    options.onRefused(
      { local: false },
      new GatewayError('LIMIT_REACHED', `cannot take connections: ${cause.message}`, { cause }),
    )
  })
  return {
    address,
    get connections() {
      return open.size
    },
    setTls(material) {
      if (server instanceof tls.Server) server.setSecureContext(secureContext(material))
    },
    setMaxConnections(count) {
      server.maxConnections = count
    },
    close() {
      server.close()
    },
    destroyConnections() {
      for (const socket of open) socket.destroy()
    },
  }
}

function clearServer(onConnection: (socket: Socket) => void): Server {
  return createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, onConnection)
}

function tlsServer(material: TlsMaterial, options: ListenerOptions, onConnection: (socket: Socket) => void): Server {
  const server = tls.createServer({
    ...secureContext(material),
    allowHalfOpen: true,
    noDelay: true,
    handshakeTimeout: options.tlsHandshakeMs,
    // The doors inside speak HTTP/1.1 and SOCKS; a client that offers ALPN must not settle on h2.
    ALPNProtocols: ['http/1.1'],
  } as tls.TlsOptions)
  server.on('secureConnection', (socket) => {
    socket.pause()
    onConnection(socket)
  })
  server.on('tlsClientError', (cause, socket) => {
    options.onRefused(clientOf(socket), new GatewayError('BAD_REQUEST', describeTlsFailure(cause), { cause }))
    socket.destroy()
  })
  return server
}

function secureContext(material: TlsMaterial): tls.SecureContextOptions {
  return { ...material, minVersion: 'TLSv1.2' }
}

/** OpenSSL's words for the commonest mistake are `http request`: plain text was sent to the TLS port. */
function describeTlsFailure(cause: NodeJS.ErrnoException): string {
  if (cause.code === 'ERR_SSL_HTTP_REQUEST') return 'plain HTTP was sent to the TLS port'
  if (cause.code === 'ECONNRESET') return 'the client left during the TLS handshake'
  return `the TLS handshake with the client failed: ${cause.message}`
}

/** Waits for the first bytes without a data listener of anybody else's being in the way. */
function awaitFirstBytes(socket: Socket, options: ListenerOptions): void {
  const stop = () => {
    cancelTimer()
    socket.off('data', onData)
    socket.off('close', stop)
    socket.off('end', onEnd)
  }
  const onData = (first: Buffer) => {
    socket.pause()
    stop()
    options.onClient(socket, first)
  }
  const onEnd = () => socket.destroy()
  const cancelTimer = options.clock.after(options.firstByteMs, () => {
    stop()
    options.onRefused(
      clientOf(socket),
      new GatewayError('BAD_REQUEST', `the client sent nothing for ${options.firstByteMs} ms`),
    )
    socket.destroy()
  })
  socket.once('close', stop)
  socket.once('end', onEnd)
  socket.on('data', onData)
  socket.resume()
}
