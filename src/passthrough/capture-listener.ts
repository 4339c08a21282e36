import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { GatewayError } from '../contracts/gateway-error.ts'
import { openTransparentTcp } from './transparent-socket.ts'

export interface CaptureListener {
  readonly family: 4 | 6
  /** On loopback. */
  readonly port: number
  readonly connections: number
  setMaxConnections(count: number): void
  close(): void
  destroyConnections(): void
}

/** As for the other doors: the kernel may allow fewer. */
const BACKLOG = 4096

/** Listens on a transparent socket; the connections come paused. Rejects with what is missing. */
export async function openCaptureListener(
  family: 4 | 6,
  onConnection: (socket: Socket) => void,
  onTrouble: (error: GatewayError) => void,
): Promise<CaptureListener> {
  const { fd, port } = openTransparentTcp(family)
  const open = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // A reset is no event of its own: whoever has the socket sees it close.
    socket.on('error', () => {})
    onConnection(socket)
  })
  // With a descriptor, Node takes the backlog as an argument of its own.
  server.listen({ fd }, BACKLOG)
  await once(server, 'listening')
  server.on('drop', () =>
    onTrouble(new GatewayError('LIMIT_REACHED', `${server.maxConnections} connections are open already`)),
  )
  server.on('error', (cause) => {
    onTrouble(new GatewayError('LIMIT_REACHED', `cannot take connections: ${cause.message}`, { cause }))
  })
  return {
    family,
    port,
    get connections() {
      return open.size
    },
    setMaxConnections(count) {
      server.maxConnections = count
    },
    close: () => void server.close(),
    destroyConnections() {
      for (const socket of open) socket.destroy()
    },
  }
}
