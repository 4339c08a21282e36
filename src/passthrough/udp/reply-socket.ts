import { sendTo } from '../../system/linux/datagrams.ts'
import { close } from '../../system/linux/descriptors.ts'
import { EACCES, EADDRINUSE, errno } from '../../system/linux/libc.ts'
import { socketAddress } from '../../system/linux/socket-address.ts'
import {
  AF_INET,
  AF_INET6,
  IP_TRANSPARENT,
  IPV6_TRANSPARENT,
  MSG_DONTWAIT,
  SO_PRIORITY,
  SO_RCVBUF,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from '../../system/linux/socket-numbers.ts'
import { bind, setSocketOption, socket, switchOn } from '../../system/linux/sockets.ts'
import { DETOUR_PRIORITY, detourOf } from '../rules/capture-plan.ts'

/** The smallest buffer there is: nothing should ever come in by these. */
const NO_BUFFER = new Uint8Array(Int32Array.of(0).buffer)
const DETOUR = new Uint8Array(Int32Array.of(DETOUR_PRIORITY).buffer)

/** Sends from one address and port that are none of this machine's. */
export interface ReplySocket {
  /** `to`: a struct sockaddr. Whether it was sent. */
  send(to: Uint8Array, data: Uint8Array): boolean
  close(): void
}

/**
 * By a transparent socket bound there. IP_TRANSPARENT opens addresses, not ports: where this process may not have the port (below
 * `net.ipv4.ip_unprivileged_port_start`, without CAP_NET_BIND_SERVICE), or a program of this host has it at every address and does not share it, the
 * socket is bound to the port's detour, and the rules put the port in. Undefined where there can be none; `port-taken` where the detour cannot be had either.
 */
export function openReplySocket(address: string, port: number): ReplySocket | 'port-taken' | undefined {
  let fd = openAt(address, port)
  if (fd < 0 && isBarred()) fd = openAt(address, detourOf(port), DETOUR)
  if (fd < 0) return isBarred() ? 'port-taken' : undefined
  const send: ReplySocket['send'] = (to, data) =>
    sendTo(fd, data, data.length, MSG_DONTWAIT, to, to.length) === data.length
  return { send, close: () => void close(fd) }
}

/** Whether it was the port that the last bind did not get. */
function isBarred(): boolean {
  return errno() === EACCES || errno() === EADDRINUSE
}

/** Negative, with the reason in errno, where it cannot be had. */
function openAt(address: string, port: number, priority?: Uint8Array): number {
  const isIpv4 = !address.includes(':')
  const fd = socket(isIpv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) return fd
  const place = socketAddress({ address, port })
  const isReady =
    (isIpv4 ? switchOn(fd, SOL_IP, IP_TRANSPARENT) : switchOn(fd, SOL_IPV6, IPV6_TRANSPARENT)) &&
    switchOn(fd, SOL_SOCKET, SO_REUSEADDR) &&
    setSocketOption(fd, SOL_SOCKET, SO_RCVBUF, NO_BUFFER, NO_BUFFER.length) === 0 &&
    (!priority || setSocketOption(fd, SOL_SOCKET, SO_PRIORITY, priority, priority.length) === 0) &&
    bind(fd, place, place.length) === 0
  if (isReady) return fd
  // Closing it leaves errno alone where it succeeds, and it does.
  close(fd)
  return -1
}
