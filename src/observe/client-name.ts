import type { Client } from '../contracts/route.ts'

/** A client as the log names it, by its address: `unix` came by a UNIX socket, and of `unknown` nothing is known, for it had gone or could not be taken. */
export function clientName({ address, local }: Client): string {
  return address ?? (local ? 'unix' : 'unknown')
}
