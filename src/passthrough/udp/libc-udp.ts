import koffi from 'koffi'

/**
 * The system calls that move datagrams many at a time (recvmmsg(2), poll(2), eventfd(2)), as `../linux/libc.ts` has those for sockets in general.
 * All are called by the datagram thread only. Layouts below are those of every 64-bit Linux, glibc and musl alike.
 */
const libc = koffi.load(null)

/** int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) */
export const receiveMany: (fd: number, messages: bigint, count: number, flags: number, timeout: null) => number =
  libc.func('int recvmmsg(int, void *, unsigned int, int, void *)')
/** ssize_t sendto(int fd, const void *data, size_t bytes, int flags, const struct sockaddr *to, socklen_t length) */
export const sendTo: (
  fd: number,
  data: Uint8Array,
  bytes: number,
  flags: number,
  to: Uint8Array,
  length: number,
) => number = libc.func('int sendto(int, const void *, size_t, int, const void *, unsigned int)')
/** int poll(struct pollfd *fds, nfds_t count, int milliseconds) */
export const poll: (fds: Uint8Array, count: number, milliseconds: number) => number = libc.func(
  'int poll(void *, unsigned long, int)',
)
/** int eventfd(unsigned initial, int flags) */
export const eventDescriptor: (initial: number, flags: number) => number = libc.func('int eventfd(unsigned int, int)')
/** ssize_t read(int fd, void *buffer, size_t bytes) */
export const readInto: (fd: number, buffer: Uint8Array, bytes: number) => number = libc.func(
  'int read(int, void *, size_t)',
)

/** Memory of the C side that never moves, and how this side sees it. */
export interface NativeMemory {
  readonly address: bigint
  readonly bytes: Buffer
}

/** Never given back: asked for once, by a thread that lives as long as it is needed. */
export function allocate(bytes: number): NativeMemory {
  const pointer: unknown = koffi.alloc('uint8_t', bytes)
  return { address: BigInt(koffi.address(pointer)), bytes: Buffer.from(koffi.view(pointer, bytes)) }
}

export const POLLIN = 1
export const MSG_DONTWAIT = 0x40
export const IP_RECVORIGDSTADDR = 20
export const IP_ORIGDSTADDR = 20
export const IPV6_RECVORIGDSTADDR = 74
export const IPV6_ORIGDSTADDR = 74
export const SO_RCVBUF = 8
export const IPPROTO_ICMP = 1
export const IPPROTO_ICMPV6 = 58
export const SOL_RAW = 255
export const ICMP_FILTER = 1
export const ICMP6_FILTER = 1
