import koffi from 'koffi'
import { close, O_CLOEXEC, O_NONBLOCK } from '../../src/system/linux/descriptors.ts'
import { errno } from '../../src/system/linux/libc.ts'
import { listeningPort } from './ports.ts'

/** Raw sockets for the load generator, so that it costs far less than what it measures: no stream, no object per chunk, no copy. */
const libc = koffi.load(null)

const socket: (family: number, type: number, protocol: number) => number = libc.func('int socket(int, int, int)')
const bind: (fd: number, address: Uint8Array, bytes: number) => number = libc.func('int bind(int, const void *, int)')
const listen: (fd: number, backlog: number) => number = libc.func('int listen(int, int)')
const accept4: (fd: number, address: null, bytes: null, flags: number) => number = libc.func(
  'int accept4(int, void *, void *, int)',
)
const connect: (fd: number, address: Uint8Array, bytes: number) => number = libc.func(
  'int connect(int, const void *, int)',
)
const setsockopt: (fd: number, level: number, name: number, value: Int32Array, bytes: number) => number = libc.func(
  'int setsockopt(int, int, int, const void *, int)',
)
export const receive: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int recv(int, void *, size_t, int)',
)
export const transmit: (fd: number, buffer: Uint8Array, bytes: number, flags: number) => number = libc.func(
  'int send(int, const void *, size_t, int)',
)
const memoryFile: (name: string, flags: number) => number = libc.func('int memfd_create(const char *, unsigned int)')
const truncate: (fd: number, bytes: number) => number = libc.func('int ftruncate(int, int64)')
const sendfile: (to: number, from: number, offset: BigInt64Array, bytes: number) => number = libc.func(
  'int sendfile(int, int, void *, size_t)',
)

const AF_INET = 2
const SOCK_STREAM = 1
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const IPPROTO_TCP = 6
const TCP_NODELAY = 1
const MSG_TRUNC = 0x20
export const MSG_NOSIGNAL = 0x4000
const EADDRINUSE = 98
const EINPROGRESS = 115
const ON = new Int32Array([1])

function socketAddress(port: number, host = '127.0.0.1'): Uint8Array {
  const address = new Uint8Array(16)
  new DataView(address.buffer).setUint16(0, AF_INET, true)
  new DataView(address.buffer).setUint16(2, port, false)
  address.set(host.split('.').map(Number), 4)
  return address
}

/** Without a port: on any that is free. */
export function listenOn(host?: string, wanted?: number): { fd: number; port: number } {
  const fd = must('socket', socket(AF_INET, SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0))
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, ON, 4)
  for (;;) {
    const port = wanted ?? listeningPort()
    const refused = bind(fd, socketAddress(port, host), 16) < 0 && errno()
    if (refused === EADDRINUSE && wanted === undefined) continue
    if (refused !== false) throw new Error(`bind: error ${refused}`)
    must('listen', listen(fd, 4096))
    return { fd, port }
  }
}

/** A descriptor, or -1 where there is none to accept. */
export function accept(listener: number): number {
  const fd = accept4(listener, null, null, O_NONBLOCK | O_CLOEXEC)
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON, 4)
  return fd
}

/** Starts connecting; writable when it stands. */
export function connectTo(port: number, host?: string): number {
  const fd = must('socket', socket(AF_INET, SOCK_STREAM | O_NONBLOCK | O_CLOEXEC, 0))
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, ON, 4)
  if (connect(fd, socketAddress(port, host), 16) < 0 && errno() !== EINPROGRESS) {
    close(fd)
    throw new Error(`connect: error ${errno()}`)
  }
  return fd
}

const DISCARD_BYTES = 4 * 1024 * 1024
const nowhere = new Uint8Array(16)

/** Takes what has arrived without copying it (tcp(7), MSG_TRUNC). Bytes; 0 at the end; -1 and errno. */
export const discard = (fd: number): number => receive(fd, nowhere, DISCARD_BYTES, MSG_TRUNC)

const SOURCE_BYTES = 1024 * 1024
let source = -1
const offset = new BigInt64Array(1)

/** Sends from a file in memory, which costs no copy either. */
export function pour(fd: number): number {
  if (source < 0) {
    source = must('memfd_create', memoryFile('bench', 1))
    must('ftruncate', truncate(source, SOURCE_BYTES))
    const filled = new Uint8Array(SOURCE_BYTES).fill(0x61)
    must('fill', pwrite(source, filled, SOURCE_BYTES, 0))
  }
  offset[0] = 0n
  return sendfile(fd, source, offset, SOURCE_BYTES)
}
const pwrite: (fd: number, buffer: Uint8Array, bytes: number, offset: number) => number = libc.func(
  'int pwrite(int, const void *, size_t, int64)',
)

function must(what: string, result: number): number {
  if (result < 0) throw new Error(`${what}: error ${errno()}`)
  return result
}
