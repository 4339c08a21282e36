import { arch, constants } from 'node:os'
import koffi from 'koffi'

/**
 * The system calls of a door made of descriptors. Each returns what the kernel returned; after -1, `errno()` says why. Called by the front's
 * thread only. Numbers are the same on every 64-bit Linux that Node runs on, but for the layout of `epoll_event`.
 */
const libc = koffi.load(null)

export const errno = koffi.errno
export const { EAGAIN, EINTR, EINPROGRESS, EMFILE, ENFILE, ENOBUFS, ENOMEM } = constants.errno

/** int accept4(int fd, struct sockaddr *peer, socklen_t *bytes, int flags) */
export const accept4: (fd: number, peer: Uint8Array, bytes: Int32Array, flags: number) => number = libc.func(
  'int accept4(int, void *, void *, int)',
)
/** int socket(int family, int type, int protocol) */
export const socket: (family: number, type: number, protocol: number) => number = libc.func('int socket(int, int, int)')
/** int connect(int fd, const struct sockaddr *address, socklen_t bytes) */
export const connect: (fd: number, address: Uint8Array, bytes: number) => number = libc.func(
  'int connect(int, const void *, int)',
)
/** int setsockopt(int fd, int level, int name, const void *value, socklen_t bytes) */
export const setsockopt: (fd: number, level: number, name: number, value: Int32Array, bytes: number) => number =
  libc.func('int setsockopt(int, int, int, const void *, int)')
/** ssize_t recv(int fd, void *buffer, size_t bytes, int flags) */
export const receive: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int recv(int, void *, size_t, int)',
)
/** ssize_t send(int fd, const void *buffer, size_t bytes, int flags) */
export const send: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int send(int, const void *, size_t, int)',
)
/** ssize_t read(int fd, void *buffer, size_t bytes) */
export const read: (fd: number, buffer: Uint8Array, bytes: number) => number = libc.func(
  'int read(int, void *, size_t)',
)
/** int dup(int fd) */
export const duplicate: (fd: number) => number = libc.func('int dup(int)')
/** int close(int fd) */
export const close: (fd: number) => number = libc.func('int close(int)')
/** int eventfd(unsigned initial, int flags) */
export const eventDescriptor: (initial: number, flags: number) => number = libc.func('int eventfd(unsigned int, int)')
/** int epoll_create1(int flags) */
export const epollCreate: (flags: number) => number = libc.func('int epoll_create1(int)')
/** int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) */
export const epollControl: (epoll: number, op: number, fd: number, event: Int32Array | null) => number = libc.func(
  'int epoll_ctl(int, int, int, void *)',
)
/** int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int milliseconds) */
export const epollWait: (epoll: number, events: Int32Array, max: number, milliseconds: number) => number = libc.func(
  'int epoll_wait(int, void *, int, int)',
)

export const O_NONBLOCK = 0o4000
export const O_CLOEXEC = 0o2000000
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000

export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLLIN = 0x1
export const EPOLLOUT = 0x4
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const EPOLLRDHUP = 0x2000
export const EPOLLET = 0x80000000 | 0

/** struct epoll_event is packed on x86-64 only: its data begins at byte 4 there and at byte 8 elsewhere. */
export const EVENT_INTS = arch() === 'x64' ? 3 : 4
export const EVENT_DATA = arch() === 'x64' ? 1 : 2

const SOL_SOCKET = 1
const SO_KEEPALIVE = 9
const SO_LINGER = 13
const IPPROTO_TCP = 6
const TCP_NODELAY = 1
const TCP_KEEPIDLE = 4
const TCP_KEEPINTVL = 5

const ON = new Int32Array([1])
/** struct linger: on, for no time at all. */
const LINGER_NONE = new Int32Array([1, 0])
/** Seconds of silence before the first probe, as the direct dialer has it, and between probes, as libuv has it. */
const KEEP_ALIVE_SECONDS = new Int32Array([60])

export const sendAtOnce = (fd: number): number => setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON, 4)

/** Closing then sends a reset in place of an orderly end. */
export const resetOnClose = (fd: number): number => setsockopt(fd, SOL_SOCKET, SO_LINGER, LINGER_NONE, 8)

export function keepAlive(fd: number): void {
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, ON, 4)
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_ALIVE_SECONDS, 4)
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, ON, 4)
}
