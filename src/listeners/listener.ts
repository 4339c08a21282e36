import { createServer, type DropArgument, type Server, type Socket } from 'node:net'
import tls from 'node:tls'
import { getSystemErrorName } from 'node:util'
import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'
import type { Client } from '../contracts/route.ts'
import { keepStreamAlive } from '../system/keep-alive.ts'
import { LentServer, type Successor } from '../system/lent-server.ts'
import type { ListenAddress } from '../wire/listen-address.ts'
import { bind } from './bind.ts'
import { clientOf, markLocal } from './client.ts'

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
  /**
   * A client that has sent its first bytes. The socket is paused, and `first` is no longer in it. Of the answer `answered` bytes are sent
   * already: by the front that the client was accepted by.
   */
  onClient(socket: Socket, first: Buffer, answered: number): void
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
  /**
   * The descriptor that it listens by, valid until `leaveTo` or `keep`; `undefined` where there is none for others to use: TLS, UNIX sockets,
   * not Linux.
   */
  lend(): number | undefined
  /** Nothing came of it. */
  keep(): void
  /** Somebody else accepts now, by a descriptor of their own for the same socket. */
  leaveTo(front: Successor): void
  /** Accepts again, by the descriptor that the front had. */
  takeBack(descriptor: number): void
  /** A client that the front has accepted and does not serve. The socket is paused; `first` has been read from it, if anything. */
  adopt(socket: Socket, first: Buffer | undefined, answered: number): void
  /** The front has turned a client away for there were too many, or could not accept one, with an error of the system. */
  droppedElsewhere(address: string): void
  troubledElsewhere(errno: number): void
}

/** Opens one listening socket, TCP or UNIX, in clear or TLS, and hands on each client with the first bytes it has sent. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const isUnix = options.address.kind !== 'tcp'
  let cut = false
  const onConnection = (socket: Socket, first?: Buffer, answered = 0) => {
    // A reset is no event of its own: whoever has the socket sees it close.
    socket.on('error', () => {})
    // On its way as all were ended: out of a TLS handshake, or from the front.
    if (cut) return void socket.destroy()
    if (isUnix) markLocal(socket)
    keepStreamAlive(socket)
    const client = clientOf(socket)
    // It has reset its connection already: nobody would hear an answer, and who has asked cannot be known any more.
    if (client.address === undefined && !isUnix) return void socket.destroy()
    if (!options.admits(client)) {
      options.onRefused(client, notOpenTo(client))
      return void socket.destroy()
    }
    if (first) options.onClient(socket, first, answered)
    else awaitFirstBytes(socket, options)
  }
  const onDrop = (address: string | undefined) => {
    const client = address ? { address, local: false } : { local: isUnix }
    options.onRefused(client, new GatewayError('LIMIT_REACHED', `${maxConnections} connections are open already`))
  }
  const onTrouble = (cause: Error) => {
    options.onRefused(
      { local: false },
      new GatewayError('LIMIT_REACHED', `cannot take connections: ${cause.message}`, { cause }),
    )
  }
  const onTlsFailure = (socket: Socket, cause: Error) => {
    if (isUnix) markLocal(socket)
    // What is cut looks as if the client had left.
    if (!cut) options.onRefused(clientOf(socket), new GatewayError('BAD_REQUEST', describeTlsFailure(cause), { cause }))
    socket.destroy()
  }
  const newServer = () => {
    const made = options.tls ? tlsServer(options.tls, options, onConnection, onTlsFailure) : clearServer(onConnection)
    made.maxConnections = maxConnections
    // Inside TLS too, as it is accepted: who is in the handshake is a client like the others.
    made.prependListener('connection', (socket: Socket) => lent.count(socket))
    return made.on('drop', (dropped?: DropArgument) => onDrop(dropped?.remoteAddress))
  }
  let { maxConnections } = options
  const bound = newServer()
  // Before it listens: a client may come with the next turn of the event loop.
  const lent = new LentServer(bound, () => newServer().on('error', onTrouble))
  const address = await bind(bound, options.address)
  // Running out of descriptors shows here; the server goes on by itself when there are some again.
  bound.on('error', onTrouble)
  return {
    address,
    get connections() {
      return lent.connections
    },
    setTls(material) {
      if (lent.server instanceof tls.Server) lent.server.setSecureContext(secureContext(material))
    },
    setMaxConnections(count) {
      maxConnections = count
      lent.server.maxConnections = count
    },
    close: () => lent.close(),
    destroyConnections() {
      cut = true
      lent.destroyConnections()
    },
    lend: () => (options.tls || isUnix || process.platform !== 'linux' ? undefined : lent.lend()),
    keep: () => lent.keep(),
    leaveTo: (front) => lent.leaveTo(front),
    takeBack: (descriptor) => lent.takeBack(descriptor),
    adopt(socket, first, answered) {
      // Others may have come while this one was on its way from the front, where it gave up its place.
      if (lent.connections < maxConnections) {
        lent.count(socket)
        return onConnection(socket, first, answered)
      }
      onDrop(socket.remoteAddress)
      socket.on('error', () => {}).destroy()
    },
    droppedElsewhere: onDrop,
    troubledElsewhere: (errno) => onTrouble(new Error(`accept: ${getSystemErrorName(-errno)}`)),
  }
}

function clearServer(onConnection: (socket: Socket) => void): Server {
  const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true }
  return createServer(options, (socket) => onConnection(socket))
}

function tlsServer(
  material: TlsMaterial,
  options: ListenerOptions,
  onConnection: (socket: Socket) => void,
  onFailure: (socket: Socket, cause: Error) => void,
): Server {
  const server = tls.createServer({
    ...secureContext(material),
    // Not so in the handshake: whoever hangs up there waits for nothing.
    allowHalfOpen: false,
    noDelay: true,
    handshakeTimeout: options.tlsHandshakeMs,
    // The doors inside speak HTTP/1.1 and SOCKS; a client that offers ALPN must not settle on h2.
    ALPNProtocols: ['http/1.1'],
  } as tls.TlsOptions)
  server.on('secureConnection', (socket) => {
    socket.allowHalfOpen = true
    socket.pause()
    onConnection(socket)
  })
  server.on('tlsClientError', (cause, socket) => onFailure(socket, cause))
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
    options.onClient(socket, first, 0)
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

function notOpenTo({ address }: Client): GatewayError {
  return new GatewayError('ACCESS_DENIED', 'this door is not open to the client’s address', {
    hint: `Where it is to come in, add ${address ?? 'its address'} to the \`from\` of this door. Containers and builds with the host's own network come from an address of the host.`,
  })
}
