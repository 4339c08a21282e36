import { arch, constants } from 'node:os'
import koffi from 'koffi'

/**
 * The few system calls that move bytes between sockets without bringing them into this process. Each returns what the kernel returned;
 * after -1, `errno()` says why. All are called by the relay's worker threads only. Symbols come from the C library already in the process,
 * so glibc and musl serve alike; sizes and numbers below are the same on every 64-bit Linux that Node runs on, but for the one marked.
 */
const libc = koffi.load(null)

export const errno = koffi.errno
export const { EAGAIN, EINTR } = constants.errno

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
/** int eventfd(unsigned initial, int flags) */
export const eventDescriptor: (initial: number, flags: number) => number = libc.func('int eventfd(unsigned int, int)')
/** int pipe2(int fds[2], int flags) */
export const makePipe: (ends: Int32Array, flags: number) => number = libc.func('int pipe2(void *, int)')
/** int fcntl(int fd, int command, int argument); variadic in C, so declared as such */
const fcntl: (fd: number, command: number, type: 'int', argument: number) => number =
  libc.func('int fcntl(int, int, ...)')
/** ssize_t splice(int in, off64_t *, int out, off64_t *, size_t length, unsigned flags); never more than PIPE_BYTES, so an int holds it */
export const splice: (from: number, a: null, to: number, b: null, bytes: number, flags: number) => number = libc.func(
  'int splice(int, void *, int, void *, size_t, unsigned int)',
)
/** ssize_t read(int fd, void *buffer, size_t bytes) */
export const readInto: (fd: number, buffer: Uint8Array, bytes: number) => number = libc.func(
  'int read(int, void *, size_t)',
)
/** ssize_t send(int fd, const void *buffer, size_t bytes, int flags) */
export const send: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int send(int, const void *, size_t, int)',
)
/** int shutdown(int fd, int how) */
export const shutdown: (fd: number, how: number) => number = libc.func('int shutdown(int, int)')
/** int close(int fd) */
export const close: (fd: number) => number = libc.func('int close(int)')

export const setPipeBytes = (fd: number, bytes: number): number => fcntl(fd, F_SETPIPE_SZ, 'int', bytes)

const F_SETPIPE_SZ = 1031
export const O_NONBLOCK = 0o4000
export const O_CLOEXEC = 0o2000000
export const SPLICE_F_MOVE = 1
export const SPLICE_F_NONBLOCK = 2
export const SHUT_WR = 1
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

/** struct epoll_event { uint32 events; uint64 data }: packed on x86-64 only, so data begins at byte 4 there and at byte 8 elsewhere. */
export const EVENT_INTS = arch() === 'x64' ? 3 : 4
export const EVENT_DATA = arch() === 'x64' ? 1 : 2
