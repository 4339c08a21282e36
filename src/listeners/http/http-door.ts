import http from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../../contracts/clock.ts'
import type { DoorContext } from '../../contracts/door.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import type { Relay } from '../../contracts/relay.ts'
import { endedByReset } from '../../system/ended-by-reset.ts'
import { httpReply } from '../../wire/http-reply.ts'
import { type ForwardRequest, readProxyRequest } from '../../wire/http-request-head.ts'
import { clientOf } from '../client.ts'
import { farewell } from '../farewell.ts'
import { authenticate, type ParseBasicCredentials } from './authenticate.ts'
import { type Backlog, ClientConnection } from './client-connection.ts'
import { explainClientError } from './client-error.ts'
import { connectFlow } from './connect-flow.ts'
import { headOf } from './head-of.ts'
import type { LeftBehind } from './late-request.ts'
import { DEFAULT_HTTP_DOOR_LIMITS, type HttpDoorLimits } from './limits.ts'
import { ProxyServer } from './proxy-server.ts'
import { serveRequest } from './serve-request.ts'
import { withoutUpgrade } from './upgrade.ts'
import { replyBytes } from './write-reply.ts'

export interface HttpDoorOptions {
  readonly clock: Clock
  readonly relay: Relay
  /** `Basic …` → user and password, or `undefined`. */
  readonly parseBasicCredentials: ParseBasicCredentials
  /** Our name in Via, random per process, by which loops are found: `fairlead-5f3a…`. A token (RFC 9110 §5.6.2). */
  readonly pseudonym: string
  readonly limits?: Partial<HttpDoorLimits>
}

export interface HttpDoor {
  /** A paused socket whose first bytes have been put back. UNIX sockets and TLS sockets too. */
  take(socket: Socket): void
  /** Connections that have not ended, tunnels included, and requests that go on without theirs. */
  readonly connections: number
  readonly statistics: { readonly httpRequestCount: number; readonly connectRequestCount: number }
  /** Ends idle connections, and the others after the response that is due. Tunnels go on. */
  drain(): void
  /** Tells those who wait for an answer that has not begun that there will be none. */
  giveUp(): void
  /** Resets the connections with an answer that has begun and is not over, which must not look complete, and ends requests whose clients have left. */
  breakOff(): void
  /** Ends everything. */
  close(): void
}

/** What the parts of the door share. */
export interface DoorParts {
  readonly context: DoorContext
  readonly options: HttpDoorOptions
  readonly limits: HttpDoorLimits
  readonly leftBehind: LeftBehind
  readonly draining: () => boolean
}

/** The HTTP/1.1 proxy door: CONNECT becomes a `Flow`, everything else a `RequestFlow`. */
export function createHttpDoor(context: DoorContext, options: HttpDoorOptions): HttpDoor {
  const limits = { ...DEFAULT_HTTP_DOOR_LIMITS, ...options.limits }
  const connections = new Map<Socket, ClientConnection>()
  const backlog: Backlog = { size: 0, limit: limits.maxWaiting }
  const leftBehind: LeftBehind = new Set()
  let draining = false
  const parts: DoorParts = { context, options, limits, leftBehind, draining: () => draining }

  const onConnection = (socket: Socket) => {
    const connection = new ClientConnection(socket, options.clock, backlog)
    connections.set(socket, connection)
    socket.once('close', () => connections.delete(socket))
    socket.once('end', () => awaitHalfClosed(connection, parts))
  }

  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
    const connection = connections.get(request.socket)
    if (!connection) return void request.socket.destroy()
    if (connection.signal.aborted) return // the rest of a read whose beginning was refused
    inTurn(connection, () => serveRequest(connection, request, response, parts))
  }

  const onConnect = (request: http.IncomingMessage, socket: Socket, head: Buffer) => {
    detached(socket, head, async (connection) => connectFlow(connection, request, parts, () => resume(connection)))
  }

  const onUpgrade = (request: http.IncomingMessage, socket: Socket, head: Buffer) => {
    const taken = upgradable(request, parts)
    // Put back before anything more is read: behind a FIN that has been told it could not be.
    const unread = taken ? head : Buffer.concat([withoutUpgrade(request), head])
    detached(socket, unread, async (connection) => {
      if (taken) {
        const response = new http.ServerResponse(request)
        response.shouldKeepAlive = false
        response.assignSocket(socket)
        socket.setTimeout(limits.idleMs) // an answer just before it has left the time of a connection that is kept
        response.on('finish', () => socket.destroySoon())
        socket.on('drain', () => response.emit('drain')) // Node's server does it for the sockets it has
        socket.read(0) // a client's reset is seen while the way out is being opened
        await serveRequest(connection, request, response, parts)
      } else {
        resume(connection)
      }
    })
  }

  const inTurn = (connection: ClientConnection, serve: () => Promise<void>) => {
    if (connection.takeTurn(serve)) return
    const error = new GatewayError('LIMIT_REACHED', `${limits.maxWaiting} pipelined requests are waiting already`)
    context.refused?.(clientOf(connection.socket), error)
    connection.abort(error)
    connection.reset()
  }

  /**
   * After CONNECT or Upgrade the socket is no longer the parser's. Answers to earlier requests may still be on their way, also where the client
   * has them whole and only the kernel's word is missing: until they are over, this does for them what Node's server did.
   */
  const detached = (socket: Socket, unread: Buffer, serve: (connection: ClientConnection) => Promise<void>) => {
    const connection = connections.get(socket)
    if (!connection) return void socket.destroy()
    const waits = connection.outstanding > 0
    const onDrain = () => connection.current?.emit('drain')
    if (waits) socket.on('drain', onDrain)
    inTurn(connection, async () => {
      socket.off('drain', onDrain)
      if (socket.writable) await serve(connection) // an answer before it may have been the connection's last
    })
    connection.stopReading()
    if (unread.length > 0) socket.unshift(unread)
    if (waits) socket.read(0) // a client's reset is seen meanwhile, also one that has come already
  }

  /** Hands a socket to the parser, for the first time or again. */
  const resume = (connection: ClientConnection) => {
    connection.attachHttp()
    server.server.emit('connection', connection.socket)
    connection.socket.resume()
  }

  const onClientError = (thrown: NodeJS.ErrnoException, socket: Socket) => {
    const connection = connections.get(socket)
    const explained = explainClientError(thrown)
    if (!connection || connection.signal.aborted || !explained || socket.destroyed) return void socket.destroy()
    context.refused?.(clientOf(socket), explained.error)
    const begun = connection.responseBegun
    connection.abort(explained.error)
    if (begun) return connection.reset()
    const reply = httpReply(explained.error, { status: explained.status })
    socket.removeAllListeners('data') // the parser has given up; what still comes is dropped
    farewell(socket, replyBytes(reply, false), options.clock)
  }

  const server = new ProxyServer(
    {
      connection: onConnection,
      connect: onConnect,
      upgrade: onUpgrade,
      request: onRequest,
      clientError: onClientError,
    },
    limits,
  )

  return {
    take(socket) {
      server.server.emit('connection', socket)
      socket.resume()
    },
    get connections() {
      return connections.size + leftBehind.size
    },
    get statistics() {
      return server.stats
    },
    drain() {
      draining = true
      server.server.closeIdleConnections()
    },
    giveUp() {
      const reason = shuttingDown()
      for (const connection of connections.values()) {
        if (!connection.released && !connection.responseBegun) connection.abort(reason)
      }
    },
    breakOff() {
      const reason = shuttingDown()
      for (const connection of connections.values()) {
        if (!connection.responseBegun) continue
        connection.abort(reason) // first: a client that is gone may leave its request behind
        connection.reset()
      }
      for (const end of [...leftBehind]) end(reason)
    },
    close() {
      draining = true
      const reason = shuttingDown()
      for (const connection of connections.values()) connection.abort(reason)
      for (const end of [...leftBehind]) end(reason)
      server.closeConnections()
      server.server.close()
    },
  }
}

const shuttingDown = () => new GatewayError('SHUTTING_DOWN', 'the gateway is shutting down')

/** The request of an Upgrade that is ours to pass on, or `undefined` where it is better read as an ordinary request. */
function upgradable(request: http.IncomingMessage, { context, options }: DoorParts): ForwardRequest | undefined {
  try {
    authenticate(request.rawHeaders, context.auth, options.parseBasicCredentials)
    const asked = readProxyRequest(headOf(request), options.pseudonym)
    if (asked.kind !== 'forward' || asked.framing.kind !== 'none' || asked.expectsContinue) return undefined
    if (request.httpVersionMinor === 0 || asked.upgrade === undefined) return undefined
    return /^\s*h2c\s*$/i.test(asked.upgrade) ? undefined : asked
  } catch {
    return undefined // read again without the offer, it gets its proper answer
  }
}

/** A client that has sent FIN may be waiting for its response or may be gone; only time tells them apart. */
function awaitHalfClosed(connection: ClientConnection, { limits, options }: DoorParts): void {
  const { socket } = connection
  if (connection.released || connection.outstanding === 0) return
  if (endedByReset(socket)) return void socket.destroy()
  const cancel = options.clock.after(limits.halfClosedMs, () => {
    if (!connection.released && !connection.responseBegun) socket.destroy()
  })
  socket.once('close', cancel)
}
