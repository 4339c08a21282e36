import type { Socket } from 'node:net'
import type { DoorContext } from '../contracts/door.ts'
import { SOCKS4_VERSION } from '../wire/socks4.ts'
import { SOCKS5_VERSION } from '../wire/socks5.ts'
import { type SocksDoorOptions, serveSocks } from './socks-door.ts'

/** What a mixed door needs of the HTTP door behind it. */
export interface TakesSockets {
  /** A paused socket whose first bytes have been put back. */
  take(socket: Socket): void
}

/**
 * Tells by the first byte what a client speaks: 4 and 5 are SOCKS versions and no HTTP method begins with a control character.
 * `answered` bytes of a SOCKS reply have been sent already. Everything else, a TLS ClientHello (0x16) to the clear port included, is the HTTP door's to answer or refuse in words.
 */
export function serveMixed(
  socket: Socket,
  first: Buffer,
  context: DoorContext,
  http: TakesSockets,
  socks: SocksDoorOptions,
  answered = 0,
): void {
  if (first[0] === SOCKS5_VERSION || first[0] === SOCKS4_VERSION) {
    serveSocks(socket, first, context, socks, answered)
  } else {
    socket.unshift(first)
    http.take(socket)
  }
}
