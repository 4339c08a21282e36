import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { getSystemErrorName } from 'node:util'
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
  /** The descriptor that it listens by, valid until `leaveTo` or `keep`. */
  lend(): number | undefined
  keep(): void
  /** Somebody else accepts now, by a descriptor of their own for the same socket. */
  leaveTo(successor: CaptureSuccessor): void
  takeBack(descriptor: number): void
  /** A connection that the successor does not serve; paused. */
  adopt(socket: Socket): void
  droppedElsewhere(): void
  troubledElsewhere(errno: number): void
}

/** Whoever accepts in its place. */
export interface CaptureSuccessor {
  readonly connections: number
  /** Connections that the listener has itself. */
  holds(connections: number): void
  shut(): void
}

/** As for the other doors: the kernel may allow fewer. */
const BACKLOG = 4096

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
  const open = new Set<Socket>()
  let maxConnections: number | undefined
  let successor: CaptureSuccessor | undefined
  let lent = false
  let shut = false
  const adopt = (socket: Socket) => {
    open.add(socket)
    successor?.holds(open.size)
    socket.once('close', () => {
      open.delete(socket)
      successor?.holds(open.size)
    })
    // A reset is no event of its own: whoever has the socket sees it close.
    socket.on('error', () => {})
    onConnection(socket)
  }
  const dropped = () => onTrouble(new GatewayError('LIMIT_REACHED', `${maxConnections} connections are open already`))
  const troubled = (cause: Error) =>
    onTrouble(new GatewayError('LIMIT_REACHED', `cannot take connections: ${cause.message}`, { cause }))
  const listen = async (descriptor: number): Promise<Server> => {
    const made = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, adopt)
    if (maxConnections !== undefined) made.maxConnections = maxConnections
    // With a descriptor, Node takes the backlog as an argument of its own.
    made.listen({ fd: descriptor }, BACKLOG)
    await once(made, 'listening')
    return made.on('drop', dropped).on('error', troubled)
  }
  let server = await listen(fd)
  return {
    family,
    port,
    get connections() {
      return open.size + (successor?.connections ?? 0)
    },
    setMaxConnections(count) {
      maxConnections = count
      server.maxConnections = count
    },
    close() {
      shut = true
      if (successor) successor.shut()
      // While its descriptor is lent its number must not come to mean something else.
      else if (!lent) server.close()
    },
    destroyConnections() {
      for (const socket of open) socket.destroy()
    },
    lend() {
      const handle = (server as unknown as { _handle?: { fd?: number } | null })._handle // undocumented, like all of it
      lent = !shut && handle?.fd !== undefined && handle.fd >= 0
      return lent ? handle!.fd : undefined
    },
    keep() {
      if (lent && shut) server.close()
      lent = false
    },
    leaveTo(next) {
      lent = false
      successor = next
      if (shut) next.shut()
      next.holds(open.size)
      server.close()
    },
    takeBack(descriptor) {
      successor = undefined
      if (shut) return
      listen(descriptor).then((made) => {
        server = made
        if (shut) made.close()
      }, troubled)
    },
    adopt,
    droppedElsewhere: dropped,
    troubledElsewhere: (errno) => troubled(new Error(`accept: ${getSystemErrorName(-errno)}`)),
  }
}
