import type { Server, Socket } from 'node:net'

/** Whoever accepts in a server's place, by a descriptor of their own for the same socket. */
export interface Successor {
  /** Connections that they have themselves. */
  readonly connections: number
  /** Connections that the server has: those that they have given it among them. */
  holds(connections: number): void
  /** No new clients. */
  shut(): void
}

/**
 * Connections the kernel holds until we take them; it may allow fewer (Linux: `net.core.somaxconn`, 4096 by default). Node's 511 is less than a
 * burst of a few hundred containers that start together: what does not fit is dropped without a word and tried again after 1, 3 and 7 s.
 */
export const BACKLOG = 4096

/** A server of Node's by whose socket somebody else may accept, from `leaveTo` until `takeBack`; and the connections that it has itself. */
export class LentServer {
  readonly #make: () => Server
  readonly #open = new Set<Socket>()
  #server: Server
  #successor: Successor | undefined
  /** While its descriptor is lent it is not closed, for its number could mean something else before it is used. */
  #lent = false
  #shut = false

  /** `make`: one like it that does not listen yet, with all its listeners; errors of the system are its `error` events. */
  constructor(server: Server, make: () => Server) {
    this.#server = server
    this.#make = make
  }

  /** That accepts, or did last. */
  get server(): Server {
    return this.#server
  }

  /** The successor's too. */
  get connections(): number {
    return this.#open.size + (this.#successor?.connections ?? 0)
  }

  /** Of the server's own, or given to it. */
  count(socket: Socket): void {
    this.#open.add(socket)
    this.#successor?.holds(this.#open.size)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#successor?.holds(this.#open.size)
    })
  }

  destroyConnections(): void {
    for (const socket of this.#open) socket.destroy()
  }

  /** Takes no new connections from here on. */
  close(): void {
    this.#shut = true
    if (this.#successor) this.#successor.shut()
    else if (!this.#lent) this.#server.close()
  }

  /** The descriptor that it listens by, valid until `leaveTo` or `keep`; `undefined` where there is none. */
  lend(): number | undefined {
    const handle = (this.#server as unknown as { _handle?: { fd?: number } | null })._handle // undocumented, like all of it
    const fd = this.#shut ? undefined : handle?.fd
    this.#lent = fd !== undefined && fd >= 0
    return this.#lent ? fd : undefined
  }

  /** Nothing came of it. */
  keep(): void {
    if (this.#lent && this.#shut) this.#server.close()
    this.#lent = false
  }

  leaveTo(successor: Successor): void {
    this.#lent = false
    this.#successor = successor
    if (this.#shut) successor.shut()
    successor.holds(this.#open.size)
    this.#server.close()
  }

  /** Accepts again, by the descriptor that the successor had. */
  takeBack(descriptor: number): void {
    this.#successor = undefined
    if (this.#shut) return
    // With a descriptor, Node takes the backlog as an argument of its own.
    this.#server = this.#make().listen({ fd: descriptor }, BACKLOG)
  }
}
