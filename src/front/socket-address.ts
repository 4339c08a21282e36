import { endianness } from 'node:os'
import { parseAddress } from '../wire/address.ts'
import { formatIpv6, parseIpv6 } from '../wire/ipv6.ts'

/** An IP address and port, in canonical text. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** Bytes that hold any address of the two families: a struct sockaddr_in6. */
export const SOCKADDR_BYTES = 28
const AF_INET = 2
const AF_INET6 = 10
const IPV4_BYTES = 16
const LITTLE = endianness() === 'LE'

/** Reads a struct sockaddr_in or sockaddr_in6 (netinet/in.h). An IPv4 client of an IPv6 socket has its IPv4 address. `undefined`: neither. */
export function readSocketAddress(bytes: Uint8Array): Endpoint | undefined {
  const family = LITTLE ? bytes[0]! | (bytes[1]! << 8) : (bytes[0]! << 8) | bytes[1]!
  const port = (bytes[2]! << 8) | bytes[3]!
  if (family === AF_INET) return { address: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`, port }
  if (family !== AF_INET6) return undefined
  const groups = Array.from({ length: 8 }, (_, group) => (bytes[8 + group * 2]! << 8) | bytes[9 + group * 2]!)
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
  return SOCKADDR_BYTES
}
