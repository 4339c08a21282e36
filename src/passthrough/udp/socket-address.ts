import { type Address, addressBytes, addressOf } from '../../wire/address.ts'
import { AF_INET, AF_INET6 } from '../linux/libc.ts'

/** Bytes of struct sockaddr_in6, the longer of the two. */
export const SOCKET_ADDRESS_BYTES = 28
const IPV4_BYTES = 16

/** struct sockaddr_in or sockaddr_in6; the family is in the machine's order, the port in the network's. */
export function encodeSocketAddress(address: string, port: number): Buffer {
  const host = addressBytes(address)
  const isIpv4 = host.length === 4
  const bytes = Buffer.alloc(isIpv4 ? IPV4_BYTES : SOCKET_ADDRESS_BYTES)
  bytes.writeUInt16LE(isIpv4 ? AF_INET : AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  host.copy(bytes, isIpv4 ? 4 : 8)
  return bytes
}

/** The address and port of one that begins at byte `at`; undefined for another family. */
export function decodeSocketAddress(bytes: Buffer, at: number): (Address & { readonly port: number }) | undefined {
  const family = bytes.readUInt16LE(at)
  const port = bytes.readUInt16BE(at + 2)
  if (family === AF_INET) return { ...addressOf(bytes.subarray(at + 4, at + 8)), port }
  if (family === AF_INET6) return { ...addressOf(bytes.subarray(at + 8, at + 24)), port }
  return undefined
}
