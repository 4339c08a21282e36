import { addressBytes } from './address.ts'

/** A UDP datagram's two ends, as canonical addresses of one family. */
export interface UdpEnds {
  readonly client: string
  readonly clientPort: number
  readonly far: string
  readonly farPort: number
}

/** "Destination unreachable: port unreachable", RFC 792 and RFC 4443 §3.1. */
const TYPE_AND_CODE = { 4: [3, 3], 6: [1, 4] } as const
const UDP = 17
const HOP_LIMIT = 64
const UDP_HEADER = 8

/**
 * The ICMP message that tells a client that nobody serves the port it has sent to, with as much of its datagram in it as its system needs to find
 * the socket: the IP and UDP headers (RFC 792, RFC 1122 §3.2.2). Of IPv6 the checksum is left to the kernel, which puts it in (RFC 3542 §3.1).
 */
export function encodePortUnreachable(family: 4 | 6, ends: UdpEnds): Buffer {
  const inner = family === 4 ? ipv4Header(ends) : ipv6Header(ends)
  const message = Buffer.concat([Buffer.from([...TYPE_AND_CODE[family], 0, 0, 0, 0, 0, 0]), inner, udpHeader(ends)])
  if (family === 4) message.writeUInt16BE(internetChecksum(message), 2)
  return message
}

function ipv4Header({ client, far }: UdpEnds): Buffer {
  const header = Buffer.alloc(20)
  header[0] = 0x45
  header.writeUInt16BE(header.length + UDP_HEADER, 2)
  header[8] = HOP_LIMIT
  header[9] = UDP
  addressBytes(client).copy(header, 12)
  addressBytes(far).copy(header, 16)
  header.writeUInt16BE(internetChecksum(header), 10)
  return header
}

function ipv6Header({ client, far }: UdpEnds): Buffer {
  const header = Buffer.alloc(40)
  header[0] = 0x60
  header.writeUInt16BE(UDP_HEADER, 4)
  header[6] = UDP
  header[7] = HOP_LIMIT
  addressBytes(client).copy(header, 8)
  addressBytes(far).copy(header, 24)
  return header
}

function udpHeader({ clientPort, farPort }: UdpEnds): Buffer {
  const header = Buffer.alloc(UDP_HEADER)
  header.writeUInt16BE(clientPort, 0)
  header.writeUInt16BE(farPort, 2)
  header.writeUInt16BE(UDP_HEADER, 4)
  return header
}

/** RFC 1071, of an even number of bytes. */
export function internetChecksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
