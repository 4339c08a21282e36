import { readSync } from 'node:fs'

const scratch = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * Takes what has arrived from a socket that is about to be closed, at most so many bytes and a read's more. Unread bytes would make close(2) send a reset, which throws
 * away what is still on its way to the peer (RFC 2525 §2.17, RFC 9293 §3.6.1). Of a descriptor that does not block.
 */
export function discardReceived(fd: number, bytes: number): void {
  try {
    for (let left = bytes; left > 0; ) {
      const got = readSync(fd, scratch)
      if (got === 0) return
      left -= got
    }
  } catch {
    // Nothing more is there, or it is broken.
  }
}
