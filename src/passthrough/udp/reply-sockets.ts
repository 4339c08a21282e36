import type { DropReason } from '../../contracts/packet.ts'
import type { Endpoint } from '../../system/linux/socket-address.ts'
import { openReplySocket, type ReplySocket } from './reply-socket.ts'

/** Sockets kept open, each for one client and far side; the one unused for longest makes way. Opening one anew costs four system calls. */
export const MAX_REPLY_SOCKETS = 512
/**
 * Milliseconds that one stays open unused. As long as it is, no program of this host can begin to listen at its port at every address, unless it shares
 * (SO_REUSEADDR): a web server with HTTP/3 beside containers that speak it, say.
 */
const IDLE_MS = 10_000
/** Clients whose sockets for refusals are kept open: one for so many of those. */
export const REFUSED_CLIENTS_SHARE = 8

export type Sent = 'sent' | Extract<DropReason, 'unsent' | 'port-taken'>

/**
 * Sends replies from the address that the client has sent to, which is none of this machine's. Each client has sockets of its own: what goes to an
 * address that nobody has waits 3 s for its neighbour (arp(7)) and counts as its socket's, which then takes nothing for anybody.
 */
export class ReplySockets {
  /** A Map keeps the order of insertion: the first is the one unused for longest. */
  readonly #open = new Map<string, { readonly socket: ReplySocket; readonly usedAt: number }>()
  readonly #now: () => number
  readonly #limit: number
  readonly #openSocket: typeof openReplySocket

  /** `now`: milliseconds. */
  constructor(now: () => number, limit = MAX_REPLY_SOCKETS, openSocket = openReplySocket) {
    this.#now = now
    this.#limit = limit
    this.#openSocket = openSocket
  }

  get size(): number {
    return this.#open.size
  }

  /** A datagram may be lost. `owner`: in whose name the client has its address. */
  send(owner: string, from: Endpoint, to: Uint8Array, data: Uint8Array): Sent {
    const socket = this.#socketAt(owner, from)
    if (socket === 'port-taken') return socket
    return socket?.send(to, data) ? 'sent' : 'unsent'
  }

  /** Closes those that have not been used for a while. */
  sweep(): void {
    const before = this.#now() - IDLE_MS
    for (const { usedAt } of this.#open.values()) {
      if (usedAt > before) return
      this.#closeOldest()
    }
  }

  close(): void {
    for (const { socket } of this.#open.values()) socket.close()
    this.#open.clear()
  }

  #socketAt(owner: string, { address, port }: Endpoint): ReturnType<typeof openReplySocket> {
    const key = `${address} ${port} ${owner}`
    const socket = this.#open.get(key)?.socket ?? this.#openSocket(address, port)
    if (!socket || socket === 'port-taken') return socket
    this.#open.delete(key)
    this.#open.set(key, { socket, usedAt: this.#now() })
    if (this.#open.size > this.#limit) this.#closeOldest()
    return socket
  }

  #closeOldest(): void {
    const [oldest] = this.#open
    if (!oldest) return
    this.#open.delete(oldest[0])
    oldest[1].socket.close()
  }
}
