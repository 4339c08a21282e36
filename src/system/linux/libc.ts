import { constants } from 'node:os'
import koffi from 'koffi'

/**
 * The C library that is in the process already, glibc or musl. Each function of the files beside this one returns what the kernel returned; after
 * -1, `errno()` says why. Numbers and layouts are the same on every 64-bit Linux that Node runs on, but for the one marked in `epoll.ts`.
 */
export const libc = koffi.load(null)

export const errno = koffi.errno

type Code =
  | 'EACCES'
  | 'EADDRINUSE'
  | 'EAGAIN'
  | 'ECONNABORTED'
  | 'ECONNRESET'
  | 'EINPROGRESS'
  | 'EINTR'
  | 'EMFILE'
  | 'ENFILE'
  | 'ENOBUFS'
  | 'ENOMEM'
  | 'EPERM'
  | 'EPIPE'

export const {
  EACCES,
  EADDRINUSE,
  EAGAIN,
  ECONNABORTED,
  ECONNRESET,
  EINPROGRESS,
  EINTR,
  EMFILE,
  ENFILE,
  ENOBUFS,
  ENOMEM,
  EPERM,
  EPIPE,
}: Readonly<Record<Code, number>> = constants.errno
