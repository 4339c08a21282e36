import { hasLibc } from './linux/libc.ts'
import { socketMemory } from './linux/socket-memory.ts'

/** Whether all that was sent by a stream socket, its FIN too, is at the peer's machine; whether anybody has read it there is not known. False where the system does not tell. */
export const allArrived = (fd: number): boolean => hasLibc && fd >= 0 && socketMemory(fd)?.unacknowledged === 0
