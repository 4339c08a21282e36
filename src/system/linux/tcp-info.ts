import { IPPROTO_TCP, TCP_INFO } from './socket-numbers.ts'
import { getSocketOption } from './sockets.ts'

/** Where `tcpi_bytes_received` stands in struct tcp_info (linux/tcp.h, since Linux 4.1), and the bytes up to its end. */
const PLACE = 128
const INFO_BYTES = PLACE + BigUint64Array.BYTES_PER_ELEMENT

const info = Buffer.alloc(INFO_BYTES)

/**
 * Bytes that a TCP socket has had from its peer, those not read yet among them; a FIN counts as one more. It holds also when the connection is over. Undefined where the
 * kernel does not say, or it is no TCP.
 */
export function tcpBytesReceived(fd: number): number | undefined {
  const told = Uint32Array.of(INFO_BYTES)
  if (getSocketOption(fd, IPPROTO_TCP, TCP_INFO, info, told) !== 0 || told[0]! < INFO_BYTES) return undefined
  return Number(info.readBigUInt64LE(PLACE))
}
