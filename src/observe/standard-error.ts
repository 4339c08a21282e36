import { constants, fstatSync, openSync } from 'node:fs'

const FD = 2

/** Standard error as a descriptor on which a write does not wait for a reader, where the system lets us have one. */
export function standardError(): number {
  // What waits for a disk does so in the kernel, and cannot do otherwise; and opened once more, a file would be written from its beginning.
  if (fstatSync(FD).isFile()) return FD
  // As soon as Node has a pipe or a socket as a stream, writes to its descriptor do not wait either.
  return ownDescriptor() ?? process.stderr.fd
}

/**
 * Whether writes wait is shared by all who have got the descriptor from the same shell, and each Node that starts a program or ends has them wait again; and to a terminal, which
 * stands still at Ctrl-S, Node has them wait in any case. So it is opened once more, as `/proc` allows on Linux: not a socket, nor what is another user's.
 */
function ownDescriptor(): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return openSync(`/proc/self/fd/${FD}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}
