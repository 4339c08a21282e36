import type http from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Server } from 'proxy-chain'
import type { HttpDoorLimits } from './limits.ts'

/** What the door does with what the server reads. None of them throws or rejects. */
export interface ProxyServerHandlers {
  connection(socket: Socket): void
  connect(request: http.IncomingMessage, socket: Socket, head: Buffer): void
  upgrade(request: http.IncomingMessage, socket: Socket, head: Buffer): void
  request(request: http.IncomingMessage, response: http.ServerResponse): void
  clientError(error: NodeJS.ErrnoException, socket: Socket): void
}

type ChainSocket = Parameters<Server['onConnection']>[0]

/**
 * proxy-chain's server with the parts replaced that decide, dial, relay and answer; it keeps the HTTP server, the register of connections
 * and the counts. It never listens: sockets are handed to it.
 */
export class ProxyServer extends Server {
  readonly #handlers: ProxyServerHandlers

  constructor(handlers: ProxyServerHandlers, limits: HttpDoorLimits) {
    super({ port: 0, host: '127.0.0.1', verbose: false })
    this.#handlers = handlers
    const { server } = this
    server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) =>
      handlers.upgrade(request, socket as Socket, head),
    )
    // Both are ordinary requests to us: what is expected is read from the head, and the answer comes from the origin.
    server.on('checkContinue', (request, response) => void this.onRequest(request, response))
    server.on('checkExpectation', (request, response) => void this.onRequest(request, response))
    Object.assign(server, {
      maxHeaderSize: limits.maxHeaderBytes,
      maxHeadersCount: 0, // no limit but maxHeaderSize: Node drops the fields beyond it in silence
      headersTimeout: limits.headMs,
      requestTimeout: 0, // uploads may take as long as they move; see `timeout`
      timeout: limits.idleMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxRequestsPerSocket: 0,
      connectionsCheckingInterval: Math.max(50, Math.min(1000, limits.headMs / 4)),
      requireHostHeader: false, // the door says what is wrong, and says it for CONNECT too
      httpAllowHalfOpen: true, // a client that has sent FIN still gets its answer
    })
    // Node starts to enforce headersTimeout when the server listens, and this one never does.
    server.emit('listening')
  }

  /** Also takes UNIX sockets, which have no remote address; proxy-chain destroys those. */
  override onConnection(socket: ChainSocket): void {
    if (socket.proxyChainId !== undefined) return // back from a refused CONNECT or an ignored Upgrade
    this.registerConnection(socket)
    this.#handlers.connection(socket as Socket)
  }

  override async onConnect(request: http.IncomingMessage, socket: ChainSocket, head: Buffer): Promise<void> {
    this.stats.connectRequestCount++
    this.#handlers.connect(request, socket as Socket, head)
  }

  override async onRequest(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    this.stats.httpRequestCount++
    this.#handlers.request(request, response)
  }

  override onClientError(error: NodeJS.ErrnoException, socket: ChainSocket): void {
    this.#handlers.clientError(error, socket as Socket)
  }
}
