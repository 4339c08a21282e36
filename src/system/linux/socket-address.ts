import { endianness } from 'node:os'
import { parseAddress } from '../../wire/address.ts'
import { formatIpv6, parseIpv6 } from '../../wire/ipv6.ts'
import { AF_INET, AF_INET6 } from './socket-numbers.ts'

/** An IP address in canonical text, and a port. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** Bytes that hold any address of the two families: a struct sockaddr_in6. */
export const SOCKET_ADDRESS_BYTES = 28
const IPV4_BYTES = 16
const LITTLE = endianness() === 'LE'

/**
 * Reads the struct sockaddr_in or sockaddr_in6 (netinet/in.h) that begins at byte `at`. An IPv4 client of an IPv6 socket has its IPv4 address.
 * `undefined`: another family.
 */
export function readSocketAddress(bytes: Uint8Array, at = 0): Endpoint | undefined {
  const family = LITTLE ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!
  const port = (bytes[at + 2]! << 8) | bytes[at + 3]!
  if (family === AF_INET)
    return { address: `${bytes[at + 4]}.${bytes[at + 5]}.${bytes[at + 6]}.${bytes[at + 7]}`, port }
  if (family !== AF_INET6) return undefined
  const first = at + 8
  const groups = Array.from(
    { length: 8 },
    (_, group) => (bytes[first + group * 2]! << 8) | bytes[first + group * 2 + 1]!,
  )
  return { address: parseAddress(formatIpv6(groups))!.address, port }
}

/** Writes the struct for a canonical address into `bytes`; returns its length. */
export function writeSocketAddress(bytes: Uint8Array, { address, port }: Endpoint): number {
  const isIpv6 = address.includes(':')
  bytes.fill(0)
  bytes[LITTLE ? 0 : 1] = isIpv6 ? AF_INET6 : AF_INET
  bytes[2] = port >> 8
  bytes[3] = port & 0xff
  if (!isIpv6) {
    for (const [place, part] of address.split('.').entries()) bytes[4 + place] = Number(part)
    return IPV4_BYTES
  }
  for (const [group, value] of parseIpv6(address)!.entries()) {
    bytes[8 + group * 2] = value >> 8
    bytes[9 + group * 2] = value & 0xff
  }
  return SOCKET_ADDRESS_BYTES
}

/** The struct by itself, as long as its family wants it. */
export function socketAddress(endpoint: Endpoint): Buffer {
  const bytes = Buffer.alloc(SOCKET_ADDRESS_BYTES)
  return bytes.subarray(0, writeSocketAddress(bytes, endpoint))
}
