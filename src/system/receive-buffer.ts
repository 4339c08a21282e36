import type { Socket } from 'node:dgram'
import { hasLibc } from './linux/libc.ts'
import { setReceiveBuffer, socketMemory } from './linux/socket-memory.ts'
import { udpDescriptor } from './udp-descriptor.ts'

/**
 * Bytes of datagrams that a socket of ours keeps while the event loop is busy; the kernel takes twice that, for it counts its own book-keeping: 768 to
 * 1,280 bytes for a small datagram, so 3,000 of those. Without it they are as many as the system gives any program, on Linux 170 to 270. A socket that
 * is read in time holds none, and what all sockets of a machine hold together the kernel bounds (net.ipv4.udp_mem).
 */
export const RECEIVE_BUFFER = 2 * 1024 * 1024

/** What a socket keeps until it is read, and what it could not keep. */
export class ReceiveBuffer {
  readonly #fd: number
  #dropped = 0
  #told = 0
  #isClosed = false

  /** Of a socket that is bound, or a bare descriptor of Linux. Where the system allows less, it keeps less. */
  constructor(socket: Socket | number, bytes = RECEIVE_BUFFER) {
    this.#fd = typeof socket === 'number' ? socket : udpDescriptor(socket)
    if (this.#fd >= 0 && hasLibc && setReceiveBuffer(this.#fd, bytes)) return
    try {
      if (typeof socket !== 'number') socket.setRecvBufferSize(bytes)
    } catch {
      // As it was.
    }
  }

  /** Datagrams dropped since it was last asked; 0 where the system does not say. */
  lost(): number {
    this.#look()
    const lost = (this.#dropped - this.#told) >>> 0
    this.#told = this.#dropped
    return lost
  }

  /** To be told before the socket is closed: its descriptor may be another's then. */
  close(): void {
    this.#look()
    this.#isClosed = true
  }

  #look(): void {
    if (this.#isClosed || this.#fd < 0 || !hasLibc) return
    this.#dropped = socketMemory(this.#fd)?.dropped ?? this.#dropped
  }
}
