import { sendTo } from '../../system/linux/datagrams.ts'
import { close } from '../../system/linux/descriptors.ts'
import { EACCES, EADDRINUSE, errno } from '../../system/linux/libc.ts'
import { socketAddress } from '../../system/linux/socket-address.ts'
import {
  AF_INET,
  AF_INET6,
  IP_TRANSPARENT,
  IPPROTO_UDP,
  IPV6_CHECKSUM,
  IPV6_TRANSPARENT,
  MSG_DONTWAIT,
  SO_RCVBUF,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from '../../system/linux/socket-numbers.ts'
import { bind, setSocketOption, socket, switchOn } from '../../system/linux/sockets.ts'

/** The smallest buffer there is: nothing should ever come in by these. */
const NO_BUFFER = new Uint8Array(Int32Array.of(0).buffer)
/** RFC 768: ports, length, checksum. */
const HEADER_BYTES = 8
const CHECKSUM_AT = 6

/** Sends from one address and port that are none of this machine's. */
export interface ReplySocket {
  /** `to`: a struct sockaddr. Whether it was sent. */
  send(to: Uint8Array, data: Uint8Array): boolean
  close(): void
}

/**
 * By a transparent socket bound there. Undefined where there can be none; `port-taken` where a program of this host has the port at every address and
 * does not share it, and a raw socket, the way round that, is not allowed.
 */
export function openReplySocket(address: string, port: number): ReplySocket | 'port-taken' | undefined {
  const fd = openAt(address, port, SOCK_DGRAM, 0)
  if (fd >= 0) {
    const send: ReplySocket['send'] = (to, data) =>
      sendTo(fd, data, data.length, MSG_DONTWAIT, to, to.length) === data.length
    return { send, close: () => void close(fd) }
  }
  const reason = errno()
  if (reason === EADDRINUSE) return openRaw(address, port) ?? 'port-taken'
  return reason === EACCES ? openRaw(address, port) : undefined
}

/** Whether answers can be sent from ports such as DNS' and NTP's: IP_TRANSPARENT opens addresses, not ports, which are CAP_NET_BIND_SERVICE's, a setting's (ip_unprivileged_port_start) or a raw socket's. */
export function sendsFromLowPorts(): boolean {
  const socket = openReplySocket('127.0.0.1', 53)
  if (typeof socket === 'object') socket.close()
  return socket !== undefined
}

/** As a raw socket, which has no port and needs CAP_NET_RAW: the header of each datagram is written here. */
function openRaw(address: string, port: number): ReplySocket | undefined {
  const fd = openAt(address, 0, SOCK_RAW, IPPROTO_UDP)
  if (fd < 0) return undefined
  // Without a checksum over IPv4 (RFC 768); IPv6 asks for one (RFC 8200 §8.1), which the kernel puts in.
  if (address.includes(':')) {
    const at = new Uint8Array(Int32Array.of(CHECKSUM_AT).buffer)
    if (setSocketOption(fd, SOL_IPV6, IPV6_CHECKSUM, at, at.length) !== 0) {
      close(fd)
      return undefined
    }
  }
  const send: ReplySocket['send'] = (to, data) => {
    const datagram = Buffer.alloc(HEADER_BYTES + data.length)
    datagram.writeUInt16BE(port, 0)
    datagram.set(to.subarray(2, 4), 2)
    datagram.writeUInt16BE(datagram.length, 4)
    datagram.set(data, HEADER_BYTES)
    // In the address of a raw socket the port must be 0.
    const host = to.slice()
    host.fill(0, 2, 4)
    return sendTo(fd, datagram, datagram.length, MSG_DONTWAIT, host, host.length) === datagram.length
  }
  return { send, close: () => void close(fd) }
}

/** Negative, with the reason in errno, where it cannot be had. */
function openAt(address: string, port: number, kind: number, protocol: number): number {
  const isIpv4 = !address.includes(':')
  const fd = socket(isIpv4 ? AF_INET : AF_INET6, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol)
  if (fd < 0) return fd
  const place = socketAddress({ address, port })
  const isReady =
    (isIpv4 ? switchOn(fd, SOL_IP, IP_TRANSPARENT) : switchOn(fd, SOL_IPV6, IPV6_TRANSPARENT)) &&
    switchOn(fd, SOL_SOCKET, SO_REUSEADDR) &&
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, NO_BUFFER, NO_BUFFER.length) === 0 &&
    bind(fd, place, place.length) === 0
  if (isReady) return fd
  // Closing it leaves errno alone where it succeeds, and it does.
  close(fd)
  return -1
}
