import { libc, nativeMemory } from './libc.ts'

/** Calls that move datagrams many at a time, and the memory they need, which must not move. */

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

/** Memory of the C side that never moves, and how this side sees it. */
export interface NativeMemory {
  readonly address: bigint
  readonly bytes: Buffer
}

/** Never given back: asked for once, by a thread that lives as long as it is needed. */
export function allocate(bytes: number): NativeMemory {
  const koffi = nativeMemory()
  const pointer: unknown = koffi.alloc('uint8_t', bytes)
  return { address: BigInt(koffi.address(pointer)), bytes: Buffer.from(koffi.view(pointer, bytes)) }
}
