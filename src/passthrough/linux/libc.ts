import { constants } from 'node:os'
import koffi from 'koffi'

/**
 * The system calls behind transparent sockets and netlink, from the C library already in the process (glibc and musl alike). Each returns what
 * the kernel returned; after -1, `errno()` says why. Numbers are the same on every 64-bit Linux that Node runs on.
 */
const libc = koffi.load(null)

export const errno = koffi.errno
export const { EAGAIN, EINTR, ENOBUFS, EPERM, EACCES, EAFNOSUPPORT, ENOPROTOOPT } = constants.errno as Record<
  string,
  number
> as Readonly<Record<'EAGAIN' | 'EINTR' | 'ENOBUFS' | 'EPERM' | 'EACCES' | 'EAFNOSUPPORT' | 'ENOPROTOOPT', number>>

/** int socket(int domain, int type, int protocol) */
export const socket: (domain: number, type: number, protocol: number) => number = libc.func('int socket(int, int, int)')
/** int setsockopt(int fd, int level, int name, const void *value, socklen_t length) */
export const setSocketOption: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number =
  libc.func('int setsockopt(int, int, int, const void *, unsigned int)')
/** int bind(int fd, const struct sockaddr *address, socklen_t length) */
export const bind: (fd: number, address: Uint8Array, length: number) => number = libc.func(
  'int bind(int, const void *, unsigned int)',
)
/** int listen(int fd, int backlog) */
export const listen: (fd: number, backlog: number) => number = libc.func('int listen(int, int)')
/** int getsockname(int fd, struct sockaddr *address, socklen_t *length) */
export const getSocketName: (fd: number, address: Uint8Array, length: Uint32Array) => number = libc.func(
  'int getsockname(int, void *, void *)',
)
/** ssize_t send(int fd, const void *buffer, size_t bytes, int flags); messages of ours are short, so an int holds it */
export const send: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int send(int, const void *, size_t, int)',
)
/** ssize_t recv(int fd, void *buffer, size_t bytes, int flags) */
export const receive: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int recv(int, void *, size_t, int)',
)
/** int close(int fd) */
export const close: (fd: number) => number = libc.func('int close(int)')

export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_RCVBUFFORCE = 33
export const SO_RCVTIMEO = 20
export const SOL_IP = 0
export const IP_TRANSPARENT = 19
export const SOL_IPV6 = 41
export const IPV6_V6ONLY = 26
export const IPV6_TRANSPARENT = 75
export const NETLINK_NETFILTER = 12
export const SOL_NETLINK = 270
export const NETLINK_NO_ENOBUFS = 5

const ON = new Uint8Array(Int32Array.of(1).buffer)

/** Switches an option on; false when the kernel says no. */
export function switchOn(fd: number, level: number, name: number): boolean {
  return setSocketOption(fd, level, name, ON, ON.length) === 0
}
