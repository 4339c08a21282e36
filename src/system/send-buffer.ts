import type { Socket } from 'node:dgram'
import { hasLibc } from './linux/libc.ts'
import { forceSendBuffer } from './linux/send-buffer.ts'
import { udpDescriptor } from './udp-descriptor.ts'

/**
 * Bytes that a socket which answers many clients may have on their way; the kernel takes twice that. What goes to an address that nobody has waits 3 s for
 * its neighbour (arp(7)) and counts as this socket's: with the system's 208 KiB, a hundred small answers a second to feigned addresses kept it from
 * everybody. What all sockets of a machine hold together the kernel bounds (net.ipv4.udp_mem).
 */
export const SEND_BUFFER = 8 * 1024 * 1024

/** Of a socket that is bound. Where the system allows less, it keeps less. */
export function enlargeSendBuffer(socket: Socket): void {
  const fd = udpDescriptor(socket)
  if (fd >= 0 && hasLibc && forceSendBuffer(fd, SEND_BUFFER)) return
  try {
    socket.setSendBufferSize(SEND_BUFFER)
  } catch {
    // As it was.
  }
}
