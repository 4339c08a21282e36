import type { Socket } from 'node:dgram'

/** -1 where there is none. Undocumented; `_handle` would do, but warns. */
export function udpDescriptor(socket: Socket): number {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol')
  const { handle } = ((key && socket[key as keyof Socket]) ?? {}) as { readonly handle?: { readonly fd?: number } }
  return handle?.fd ?? -1
}
