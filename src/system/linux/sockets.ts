import type { FixedMemory } from './fixed-memory.ts'
import { libc } from './libc.ts'
import {
  IPPROTO_TCP,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_OOBINLINE,
  SOL_SOCKET,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from './socket-numbers.ts'

/** int socket(int family, int type, int protocol) */
export const socket: (family: number, type: number, protocol: number) => number = libc.func('int socket(int, int, int)')
/** int bind(int fd, const struct sockaddr *address, socklen_t bytes) */
export const bind: (fd: number, address: Uint8Array, bytes: number) => number = libc.func(
  'int bind(int, const void *, unsigned int)',
)
/** int accept4(int fd, struct sockaddr *peer, socklen_t *bytes, int flags) */
export const accept: (fd: number, peer: Uint8Array, bytes: Int32Array, flags: number) => number = libc.func(
  'int accept4(int, void *, void *, int)',
)
/** int connect(int fd, const struct sockaddr *address, socklen_t bytes) */
export const connect: (fd: number, address: Uint8Array, bytes: number) => number = libc.func(
  'int connect(int, const void *, unsigned int)',
)
/** int getsockname(int fd, struct sockaddr *address, socklen_t *bytes) */
export const getSocketName: (fd: number, address: Uint8Array, bytes: Uint32Array) => number = libc.func(
  'int getsockname(int, void *, void *)',
)
/** int setsockopt(int fd, int level, int name, const void *value, socklen_t bytes) */
export const setSocketOption: (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array | Int32Array,
  bytes: number,
) => number = libc.func('int setsockopt(int, int, int, const void *, unsigned int)')
/** int getsockopt(int fd, int level, int name, void *value, socklen_t *bytes) */
export const getSocketOption: (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  bytes: Uint32Array,
) => number = libc.func('int getsockopt(int, int, int, void *, void *)')
/** ssize_t recv(int fd, void *buffer, size_t bytes, int flags) */
export const receive: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int recv(int, void *, size_t, int)',
)
/** ssize_t send(int fd, const void *buffer, size_t bytes, int flags) */
export const send: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int send(int, const void *, size_t, int)',
)
const receiveTo: (fd: number, address: number, bytes: number, flags: number) => number = libc.func(
  'int recv(int, uintptr_t, size_t, int)',
)
const sendFrom: (fd: number, address: number, bytes: number, flags: number) => number = libc.func(
  'int send(int, uintptr_t, size_t, int)',
)
/** The same, at most all of the memory: for those that are called all the time. */
export const receiveFixed = (fd: number, memory: FixedMemory, flags: number): number =>
  receiveTo(fd, memory.address, memory.bytes.length, flags)
/** Of the first bytes of the memory, which has so many. */
export const sendFixed = (fd: number, memory: FixedMemory, bytes: number, flags: number): number =>
  sendFrom(fd, memory.address, bytes, flags)
/** int shutdown(int fd, int how) */
export const shutdown: (fd: number, how: number) => number = libc.func('int shutdown(int, int)')

const ON = new Int32Array([1])
/** struct linger: on, for no time at all. */
const LINGER_NONE = new Int32Array([1, 0])
/** Seconds of silence before the first probe: under the five minutes after which common NATs forget a flow. */
const KEEP_ALIVE_SECONDS = new Int32Array([60])
/** Between probes, of which nine unanswered ones (the system's number) end a connection: a VPN that stalls for one to two minutes does not. */
const PROBE_SECONDS = new Int32Array([15])

/** Switches an option on; false when the kernel says no. */
export function switchOn(fd: number, level: number, name: number): boolean {
  return setSocketOption(fd, level, name, ON, ON.byteLength) === 0
}

const pending = new Uint8Array(Int32Array.BYTES_PER_ELEMENT)
const pendingNumber = new Int32Array(pending.buffer)
const pendingBytes = new Uint32Array(1)

/** The error number that a socket has kept for whoever asks next, socket(7); 0: none. */
export function takeError(fd: number): number {
  pendingBytes[0] = pending.byteLength
  return getSocketOption(fd, SOL_SOCKET, SO_ERROR, pending, pendingBytes) === 0 ? pendingNumber[0]! : 0
}

export const sendAtOnce = (fd: number): boolean => switchOn(fd, IPPROTO_TCP, TCP_NODELAY)

/**
 * An urgent byte (MSG_OOB) is read in its place in the stream; without it, tcp(7), by nobody who does not ask for it alone. What a listening socket accepts has
 * it from there.
 */
export const keepUrgentInPlace = (fd: number): boolean => switchOn(fd, SOL_SOCKET, SO_OOBINLINE)

/** Closing then sends a reset in place of an orderly end. */
export const resetOnClose = (fd: number): number =>
  setSocketOption(fd, SOL_SOCKET, SO_LINGER, LINGER_NONE, LINGER_NONE.byteLength)

export function keepAlive(fd: number): void {
  switchOn(fd, SOL_SOCKET, SO_KEEPALIVE)
  setSocketOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_ALIVE_SECONDS, KEEP_ALIVE_SECONDS.byteLength)
  setSocketOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_SECONDS, PROBE_SECONDS.byteLength)
}
