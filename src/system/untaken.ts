import type { Duplex } from 'node:stream'
import { hasLibc } from './linux/libc.ts'
import { socketMemory } from './linux/socket-memory.ts'
import { streamDescriptor } from './stream-descriptor.ts'

/** A handle of Node's; under TLS there is that of its transport beneath. Undocumented. */
interface Handle {
  /** Bytes of one write that the system has not taken yet; the stream knows only of whole ones. */
  readonly writeQueueSize?: number
  readonly _parent?: Handle
}

/**
 * What a stream was given and the peer has not taken: in Node, and, where the system tells, in the kernel. No count of bytes, for each layer has its own way to
 * count; where nothing else is written, it changes a bounded number of times unless the peer takes something.
 */
export function untaken(stream: Duplex): number {
  let sum = stream.writableLength
  let handle = (stream as unknown as { _handle?: Handle | null })._handle ?? undefined
  for (; handle; handle = handle._parent) sum += handle.writeQueueSize ?? 0
  const fd = streamDescriptor(stream)
  return sum + ((hasLibc && fd >= 0 && socketMemory(fd)?.unacknowledged) || 0)
}
