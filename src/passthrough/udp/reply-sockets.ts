import { openReplySocket, type ReplySocket } from './reply-socket.ts'

/** Sockets kept open, each for one far side; the one unused for longest makes way. Opening one anew costs four system calls. */
export const MAX_REPLY_SOCKETS = 512

/** Sends replies from the address that the client has sent to, which is none of this machine's. */
export class ReplySockets {
  /** A Map keeps the order of insertion: the first is the one unused for longest. */
  readonly #open = new Map<string, ReplySocket>()

  get size(): number {
    return this.#open.size
  }

  /** False when it could not be sent; a datagram may be lost. */
  send(from: { readonly address: string; readonly port: number }, to: Uint8Array, data: Uint8Array): boolean {
    return this.#socketAt(from.address, from.port)?.send(to, data) ?? false
  }

  close(): void {
    for (const socket of this.#open.values()) socket.close()
    this.#open.clear()
  }

  #socketAt(address: string, port: number): ReplySocket | undefined {
    const key = `${address} ${port}`
    const socket = this.#open.get(key) ?? openReplySocket(address, port)
    if (!socket) return undefined
    this.#open.delete(key)
    this.#open.set(key, socket)
    if (this.#open.size > MAX_REPLY_SOCKETS) this.#closeOldest()
    return socket
  }

  #closeOldest(): void {
    const [oldest] = this.#open
    if (!oldest) return
    this.#open.delete(oldest[0])
    oldest[1].close()
  }
}
