import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'
import { GatewayError } from '../contracts/gateway-error.ts'
import { BACKLOG, LentServer, type Successor } from '../system/lent-server.ts'
import { openTransparentTcp } from './transparent-socket.ts'

export interface CaptureListener {
  readonly family: 4 | 6
  /** On loopback. */
  readonly port: number
  readonly connections: number
  /** Those beyond are closed as if they had ended; without a limit whoever takes them judges. */
  setMaxConnections(count: number): void
  close(): void
  destroyConnections(): void
  /** The descriptor that it listens by, valid until `leaveTo` or `keep`. */
  lend(): number | undefined
  keep(): void
  /** Somebody else accepts now, by a descriptor of their own for the same socket. */
  leaveTo(successor: Successor): void
  takeBack(descriptor: number): void
  /** A connection that the successor does not serve; paused. */
  adopt(socket: Socket): void
  droppedElsewhere(): void
  troubledElsewhere(errno: number): void
}

/** One for each family. Rejects with what is missing, and none open. */
export async function openCaptureListeners(
  families: readonly (4 | 6)[],
  onConnection: (socket: Socket) => void,
  onTrouble: (error: GatewayError) => void,
): Promise<CaptureListener[]> {
  const listeners: CaptureListener[] = []
  try {
    for (const family of families) listeners.push(await openCaptureListener(family, onConnection, onTrouble))
  } catch (thrown) {
    for (const listener of listeners) listener.close()
    throw thrown
  }
  return listeners
}

/** Listens on a transparent socket; the connections come paused. */
async function openCaptureListener(
  family: 4 | 6,
  onConnection: (socket: Socket) => void,
  onTrouble: (error: GatewayError) => void,
): Promise<CaptureListener> {
  const { fd, port } = openTransparentTcp(family)
  let maxConnections: number | undefined
  const adopt = (socket: Socket) => {
    lent.count(socket)
    // A reset is no event of its own: whoever has the socket sees it close.
    socket.on('error', () => {})
    onConnection(socket)
  }
  const dropped = () => onTrouble(new GatewayError('LIMIT_REACHED', `${maxConnections} connections are open already`))
  const troubled = (cause: Error) =>
    onTrouble(new GatewayError('LIMIT_REACHED', `cannot take connections: ${cause.message}`, { cause }))
  const newServer = () => {
    const made = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, adopt)
    if (maxConnections !== undefined) made.maxConnections = maxConnections
    return made.on('drop', dropped)
  }
  const bound = newServer()
  const lent = new LentServer(bound, () => newServer().on('error', troubled))
  bound.listen({ fd }, BACKLOG)
  await once(bound, 'listening')
  bound.on('error', troubled)
  return {
    family,
    port,
    get connections() {
      return lent.connections
    },
    setMaxConnections(count) {
      maxConnections = count
      lent.server.maxConnections = count
    },
    close: () => lent.close(),
    destroyConnections: () => lent.destroyConnections(),
    lend: () => lent.lend(),
    keep: () => lent.keep(),
    leaveTo: (successor) => lent.leaveTo(successor),
    takeBack: (descriptor) => lent.takeBack(descriptor),
    adopt,
    droppedElsewhere: () => onTrouble(new GatewayError('LIMIT_REACHED', 'those beyond limits.connections are refused')),
    troubledElsewhere: (errno) => troubled(new Error(`accept: ${getSystemErrorName(-errno)}`)),
  }
}
