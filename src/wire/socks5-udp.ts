import { toGatewayError } from '../contracts/gateway-error.ts'
import type { Target } from '../contracts/target.ts'
import { encodeSocks5Address, parseSocks5Address } from './socks5.ts'
import { targetFromHost } from './target.ts'

/** Bytes of the longest header: RSV, FRAG, ATYP, a name of 255 bytes with its length, and the port. */
export const MAX_SOCKS5_UDP_HEADER = 2 + 1 + 1 + 256 + 2

/** A datagram as it travels between a SOCKS5 client and its relay (RFC 1928 §7), or why it is dropped. */
export type Socks5Datagram =
  | { readonly kind: 'datagram'; readonly peer: Target; readonly data: Buffer }
  /** `fragment`: pieces need not be put together (§7: an implementation that does not must drop them). */
  | { readonly kind: 'dropped'; readonly why: 'short' | 'reserved' | 'fragment' | 'address' }

/**
 * Reads `RSV(2) FRAG ATYP ADDR PORT DATA`. Never throws: nobody can be told, so what is wrong is dropped and said. `data` is a view on `bytes`.
 */
export function parseSocks5Datagram(bytes: Buffer): Socks5Datagram {
  if (bytes.length < 4) return dropped('short')
  if (bytes[0] !== 0 || bytes[1] !== 0) return dropped('reserved')
  if (bytes[2] !== 0) return dropped('fragment')
  try {
    const parsed = parseSocks5Address(bytes, 3)
    if (!parsed) return dropped('short')
    const { host, port } = parsed.value
    return { kind: 'datagram', peer: targetFromHost(host, port), data: bytes.subarray(3 + parsed.length) }
  } catch (thrown) {
    if (toGatewayError(thrown).code === 'INTERNAL') throw thrown
    return dropped('address')
  }
}

export function encodeSocks5Datagram(peer: Target, data: Buffer): Buffer {
  return Buffer.concat([HEAD, encodeSocks5Address(peer), data])
}

/** RSV and FRAG: whole datagrams only. */
const HEAD = Buffer.of(0, 0, 0)

function dropped(why: (Socks5Datagram & { kind: 'dropped' })['why']): Socks5Datagram {
  return { kind: 'dropped', why }
}
