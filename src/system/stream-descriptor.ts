import type { Duplex } from 'node:stream'

/** The descriptor under a stream of Node's; under TLS that of its transport. -1 where there is none, or none any more. Undocumented. */
export function streamDescriptor(stream: Duplex): number {
  return (stream as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
}
