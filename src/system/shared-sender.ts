import type { Socket } from 'node:dgram'
import type { Clock } from '../contracts/clock.ts'
import { sendTo } from './linux/datagrams.ts'
import { hasLibc } from './linux/libc.ts'
import { socketAddress } from './linux/socket-address.ts'
import { forceSendBuffer, type SocketMemory, socketMemory } from './linux/socket-memory.ts'
import { MSG_DONTWAIT } from './linux/socket-numbers.ts'
import { SendShares } from './send-shares.ts'
import { udpDescriptor } from './udp-descriptor.ts'

/** Bytes that the socket may have on their way; the kernel takes twice that. Shares of it are what keeps clients apart, so a small one would do. */
const SEND_BUFFER = 1024 * 1024
/** Bytes that wait in Node for the system to take, where it is Node that sends. */
const MAX_SEND_QUEUE = 256 * 1024

/**
 * Sends to many clients from one socket, so that none keeps it from the others. What goes to an address that nobody has waits in the kernel for its
 * neighbour, and counts as the socket's, which then refuses everybody's; so each client has a share (`SendShares`). On other systems Node sends, and
 * there is the bound of its queue alone.
 */
export class SharedSender {
  readonly #socket: Socket
  readonly #fd: number
  readonly #shares: SendShares

  /** Of a socket that is bound. */
  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket
    this.#fd = hasLibc ? udpDescriptor(socket) : -1
    this.#shares = new SendShares(() => clock.monotonic())
    if (this.#fd >= 0 && forceSendBuffer(this.#fd, SEND_BUFFER)) return
    try {
      socket.setSendBufferSize(SEND_BUFFER)
    } catch {
      // As it was.
    }
  }

  /** `address`: as Node tells it of whoever has sent. Whether it was sent, as far as can be known. Throws when the socket is closed. */
  send(owner: string, data: Buffer, address: string, port: number): boolean {
    const memory = this.#memory()
    // A zone (`%eth0`) is for Node to read.
    if (!memory || address.includes('%')) return this.#sendByNode(data, address, port)
    if (!this.#shares.allows(owner, memory)) return false
    const to = socketAddress({ address, port })
    const isSent = sendTo(this.#fd, data, data.length, MSG_DONTWAIT, to, to.length) === data.length
    this.#shares.sent(owner, (this.#memory()?.leaving ?? 0) - memory.leaving)
    return isSent
  }

  #memory(): SocketMemory | undefined {
    return this.#fd < 0 ? undefined : socketMemory(this.#fd)
  }

  #sendByNode(data: Buffer, address: string, port: number): boolean {
    if (this.#socket.getSendQueueSize() > MAX_SEND_QUEUE) return false
    // A client that has gone is no error.
    this.#socket.send(data, port, address, () => {})
    return true
  }
}
