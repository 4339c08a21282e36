import { existsSync, readFileSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { GatewayError } from '../contracts/gateway-error.ts'
import { close } from '../system/linux/descriptors.ts'
import { errno } from '../system/linux/libc.ts'
import {
  AF_INET,
  AF_INET6,
  IP_TRANSPARENT,
  IPV6_TRANSPARENT,
  IPV6_V6ONLY,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_IP,
  SOL_IPV6,
} from '../system/linux/socket-numbers.ts'
import { bind, getSocketName, keepAlive, keepUrgentInPlace, socket, switchOn } from '../system/linux/sockets.ts'

/** A descriptor that takes traffic to whatever address, once rules send it there (IP_TRANSPARENT, IPV6_TRANSPARENT). */
export interface TransparentSocket {
  readonly fd: number
  /** Loopback port of its family, chosen by the kernel. */
  readonly port: number
  close(): void
}

/**
 * Bound, not yet listening: `net.Server.listen({ fd })` does the rest. A connection's `localAddress` is what the client dialled. Keep-alive is inherited by
 * what is accepted: a container that goes with its network says no FIN, and its far side would stay open. So is the place of urgent bytes.
 */
export function openTransparentTcp(family: 4 | 6): TransparentSocket {
  return open(family, SOCK_STREAM, (fd) => {
    keepAlive(fd)
    keepUrgentInPlace(fd)
  })
}

/**
 * Bound to loopback and non-blocking. Datagrams come with the address they were sent to if the reader asks for it (IP_RECVORIGDSTADDR); replies
 * leave from sockets bound to that address, which are transparent too.
 */
export function openTransparentUdp(family: 4 | 6, prepare?: (fd: number) => void): TransparentSocket {
  return open(family, SOCK_DGRAM, prepare)
}

/**
 * The families that traffic can be led to us by: IPv6 can be compiled out, switched off at boot, or disabled for loopback, as engines do in the
 * containers of networks without IPv6.
 */
export function kernelFamilies(proc = '/proc'): (4 | 6)[] {
  if (!existsSync(`${proc}/net/if_inet6`)) return [4]
  try {
    return readFileSync(`${proc}/sys/net/ipv6/conf/lo/disable_ipv6`, 'utf8').trim() === '0' ? [4, 6] : [4]
  } catch {
    return [4]
  }
}

function open(family: 4 | 6, type: number, prepare?: (fd: number) => void): TransparentSocket {
  const fd = socket(family === 4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
  if (fd < 0) throw cannot('open a socket')
  try {
    const transparent =
      family === 4
        ? switchOn(fd, SOL_IP, IP_TRANSPARENT)
        : switchOn(fd, SOL_IPV6, IPV6_V6ONLY) && switchOn(fd, SOL_IPV6, IPV6_TRANSPARENT)
    if (!transparent) throw cannot('make a socket transparent')
    prepare?.(fd)
    const address = loopback(family)
    if (bind(fd, address, address.length) !== 0) throw cannot('bind a socket to loopback')
    if (getSocketName(fd, address, Uint32Array.of(address.length)) !== 0) throw cannot('read the port of a socket')
    return { fd, port: address.readUInt16BE(2), close: () => void close(fd) }
  } catch (thrown) {
    close(fd)
    throw thrown
  }
}

/** struct sockaddr_in and sockaddr_in6 of 127.0.0.1 and ::1, any port. */
function loopback(family: 4 | 6): Buffer {
  const bytes = Buffer.alloc(family === 4 ? 16 : 28)
  bytes.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0)
  if (family === 4) bytes.set([127, 0, 0, 1], 4)
  else bytes[23] = 1
  return bytes
}

function cannot(what: string): GatewayError {
  const reason = getSystemErrorName(-errno())
  return new GatewayError('INTERNAL', `capture: cannot ${what}: ${reason}`, {
    hint:
      reason === 'EPERM'
        ? 'A transparent socket needs the capability CAP_NET_ADMIN: run the gateway as root, give its service AmbientCapabilities=CAP_NET_ADMIN, or its container --cap-add NET_ADMIN.'
        : 'docs/capture.md says what capture needs.',
  })
}
