import { libc } from './libc.ts'

/** Calls for descriptors of every kind: read(2), close(2), dup(2), eventfd(2), pipe(2), splice(2), poll(2). */

/** ssize_t read(int fd, void *buffer, size_t bytes) */
export const read: (fd: number, buffer: Uint8Array, bytes: number) => number = libc.func(
  'int read(int, void *, size_t)',
)
/** int close(int fd) */
export const close: (fd: number) => number = libc.func('int close(int)')
/** int eventfd(unsigned initial, int flags) */
export const eventDescriptor: (initial: number, flags: number) => number = libc.func('int eventfd(unsigned int, int)')
/** int poll(struct pollfd *fds, nfds_t count, int milliseconds) */
export const poll: (fds: Uint8Array, count: number, milliseconds: number) => number = libc.func(
  'int poll(void *, unsigned long, int)',
)
/** int pipe2(int fds[2], int flags) */
export const makePipe: (ends: Int32Array, flags: number) => number = libc.func('int pipe2(void *, int)')
/** int fcntl(int fd, int command, int argument); variadic in C, so declared as such */
const fcntl: (fd: number, command: number, type: 'int', argument: number) => number =
  libc.func('int fcntl(int, int, ...)')
/** ssize_t splice(int in, off64_t *, int out, off64_t *, size_t length, unsigned flags); of lengths that an int holds */
export const splice: (from: number, a: null, to: number, b: null, bytes: number, flags: number) => number = libc.func(
  'int splice(int, void *, int, void *, size_t, unsigned int)',
)

/** As dup(2), and not left to programs that are started. */
export const duplicate = (fd: number): number => fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0)

export const setPipeBytes = (fd: number, bytes: number): number => fcntl(fd, F_SETPIPE_SZ, 'int', bytes)

const F_DUPFD_CLOEXEC = 1030
const F_SETPIPE_SZ = 1031
export const O_NONBLOCK = 0o4000
export const O_CLOEXEC = 0o2000000
export const SPLICE_F_MOVE = 1
export const SPLICE_F_NONBLOCK = 2
export const POLLIN = 1
