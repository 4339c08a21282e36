import { arch } from 'node:os'
import { type FixedMemory, fixedMemory } from './fixed-memory.ts'
import { libc } from './libc.ts'

/** epoll(7). */

/** int epoll_create1(int flags) */
export const epollCreate: (flags: number) => number = libc.func('int epoll_create1(int)')
/** int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) */
export const epollControl: (epoll: number, op: number, fd: number, event: Int32Array | null) => number = libc.func(
  'int epoll_ctl(int, int, int, void *)',
)
/** int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int milliseconds) */
const wait: (epoll: number, events: number, max: number, milliseconds: number) => number = libc.func(
  'int epoll_wait(int, uintptr_t, int, int)',
)
export const epollWait = (epoll: number, events: EventTable, milliseconds: number): number =>
  wait(epoll, events.memory.address, events.most, milliseconds)

export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLLIN = 0x1
/** Urgent data of TCP (tcp(7)). */
export const EPOLLPRI = 0x2
export const EPOLLOUT = 0x4
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const EPOLLRDHUP = 0x2000
export const EPOLLET = 0x80000000 | 0
/** Of several epolls that wait for one file, wake one that sleeps and not all (Linux 4.5; before, it means nothing). */
export const EPOLLEXCLUSIVE = 0x10000000

/** struct epoll_event { uint32 events; uint64 data }: packed on x86-64 only, so data begins at byte 4 there and at byte 8 elsewhere. */
export const EVENT_INTS = arch() === 'x64' ? 3 : 4
export const EVENT_DATA = arch() === 'x64' ? 1 : 2

/** Where the kernel writes events, `EVENT_INTS` numbers each. */
export interface EventTable {
  readonly memory: FixedMemory
  readonly most: number
  readonly numbers: Int32Array
}

/** `most`: events taken from the kernel at once. */
export function eventTable(most: number): EventTable {
  const memory = fixedMemory(most * EVENT_INTS * Int32Array.BYTES_PER_ELEMENT)
  return { memory, most, numbers: new Int32Array(memory.bytes.buffer) }
}
