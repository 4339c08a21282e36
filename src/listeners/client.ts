import type { Socket } from 'node:net'
import type { Client } from '../contracts/route.ts'
import { isLoopback, parseAddress } from '../wire/address.ts'

/** Accepted at UNIX sockets. */
const onThisMachine = new WeakSet<Socket>()

/** A socket accepted at a UNIX socket: whoever can open that is on this machine. */
export function markLocal(socket: Socket): void {
  onThisMachine.add(socket)
}

/**
 * Who is at the other end of an accepted socket. That there is no address says nothing of where the client is: the kernel forgets the peer of a TCP connection
 * that is reset (getpeername(2): ENOTCONN), also when what the client has said before can still be read.
 */
export function clientOf(socket: Socket, user?: string): Client {
  const identity = user === undefined ? {} : { user }
  const address = socket.remoteAddress === undefined ? undefined : parseAddress(socket.remoteAddress.split('%', 1)[0]!)
  if (!address) return { local: onThisMachine.has(socket), ...identity }
  return { address: address.address, port: socket.remotePort!, local: isLoopback(address.address), ...identity }
}
