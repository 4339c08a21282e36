import { createHash } from 'node:crypto'

/** Bytes that both sides can make: no two blocks alike, so a lost, doubled or swapped piece changes the digest. */
export function madeUpBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let word = 0x9e3779b9
  for (let at = 0; at + 4 <= length; at += 4) {
    // xorshift32
    word ^= word << 13
    word ^= word >>> 17
    word ^= word << 5
    bytes.writeInt32LE(word | 0, at)
  }
  return bytes
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What the late origin sends after the client's FIN, on top of one line: more than any proxy on the way holds in its buffers. */
export const LATE_BYTES = 256 * 1024
