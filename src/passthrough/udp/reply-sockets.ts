import type { DropReason } from '../../contracts/packet.ts'
import type { Endpoint } from '../../system/linux/socket-address.ts'
import { openReplySocket, type ReplySocket } from './reply-socket.ts'

/** Sockets kept open, each for one client and far side; the one unused for longest makes way. Opening one anew costs four system calls. */
export const MAX_REPLY_SOCKETS = 512
/** Clients whose sockets for refusals are kept open: one for so many of those. */
export const REFUSED_CLIENTS_SHARE = 8

export type Sent = 'sent' | Extract<DropReason, 'unsent' | 'port-taken'>

/**
 * Sends replies from the address that the client has sent to, which is none of this machine's. Each client has sockets of its own: what goes to an
 * address that nobody has waits 3 s for its neighbour (arp(7)) and counts as its socket's, which then takes nothing for anybody.
 */
export class ReplySockets {
  /** A Map keeps the order of insertion: the first is the one unused for longest. */
  readonly #open = new Map<string, ReplySocket>()
  readonly #limit: number

  constructor(limit = MAX_REPLY_SOCKETS) {
    this.#limit = limit
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

  close(): void {
    for (const socket of this.#open.values()) socket.close()
    this.#open.clear()
  }

  #socketAt(owner: string, { address, port }: Endpoint): ReturnType<typeof openReplySocket> {
    const key = `${address} ${port} ${owner}`
    const socket = this.#open.get(key) ?? openReplySocket(address, port)
    if (!socket || socket === 'port-taken') return socket
    this.#open.delete(key)
    this.#open.set(key, socket)
    if (this.#open.size > this.#limit) this.#closeOldest()
    return socket
  }

  #closeOldest(): void {
    const [oldest] = this.#open
    if (!oldest) return
    this.#open.delete(oldest[0])
    oldest[1].close()
  }
}
