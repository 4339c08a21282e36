import { EAGAIN, EINTR, ENOBUFS, errno } from '../../system/linux/libc.ts'
import { MSG_DONTWAIT } from '../../system/linux/socket-numbers.ts'
import { receive, send } from '../../system/linux/sockets.ts'
import { type HeldSyn, QUEUED_BYTES, readQueued, verdict } from './queue-messages.ts'

export interface BareHoldQueue {
  /** Whatever its user calls it: stands in all that is read from it. */
  readonly hold: number
  readonly descriptor: number
  /** The kernel's number of it. */
  readonly queue: number
  /** Of what is let in. */
  readonly mark: number
}

const buffer = Buffer.alloc(QUEUED_BYTES)

/**
 * A queue that is in use (`SynQueue`), for a thread with an epoll of its own: read without waiting, and answered on the same descriptor. Packets that are
 * no attempts we can read are let in at once.
 */
export function bareHoldQueue({ hold, descriptor, queue, mark }: BareHoldQueue) {
  let isLeft = false
  const answer = (packet: number, as: number | undefined) => {
    // The number may mean a connection by now.
    if (isLeft) return
    const bytes = verdict(queue, packet, as)
    send(descriptor, bytes, bytes.length, MSG_DONTWAIT)
  }
  return {
    hold,
    descriptor,
    /** `undefined`: nothing more. Throws an error number where the queue cannot be read. */
    receive(): (HeldSyn & { readonly hold: number })[] | undefined {
      const bytes = receive(descriptor, buffer, buffer.length, MSG_DONTWAIT)
      if (bytes <= 0) {
        const code = errno()
        if (bytes === 0 || code === EAGAIN || code === EINTR) return undefined
        // The kernel has dropped some; their clients send again.
        if (code === ENOBUFS) return []
        throw code
      }
      const { syns, unread } = readQueued(buffer.subarray(0, bytes))
      for (const packet of unread) answer(packet, mark)
      return syns.map((syn) => ({ ...syn, hold }))
    },
    accept: (packet: number) => answer(packet, mark),
    drop: (packet: number) => answer(packet, undefined),
    left() {
      isLeft = true
    },
  }
}
