import type { Socket } from 'node:net'
import type { Client } from '../contracts/route.ts'
import { isLoopback, parseAddress } from '../wire/address.ts'

/** Who is at the other end of an accepted socket. A socket without an address is a UNIX socket, so the client is on this machine. */
export function clientOf(socket: Socket, user?: string): Client {
  const identity = user === undefined ? {} : { user }
  const address = socket.remoteAddress === undefined ? undefined : parseAddress(socket.remoteAddress.split('%', 1)[0]!)
  if (!address) return { local: socket.remoteAddress === undefined, ...identity }
  return { address: address.address, port: socket.remotePort!, local: isLoopback(address.address), ...identity }
}
