import type { Endpoint } from '../system/linux/socket-address.ts'

/** A connection attempt that waits in the kernel. */
export interface HeldSyn {
  /** The kernel's number for the packet. */
  readonly packet: number
  /** Whose packet: see `Hold.hold`. */
  readonly hold: number
  /** TCP's initial sequence number: a repetition has the same. */
  readonly sequence: number
  readonly source: Endpoint
  readonly dialled: Endpoint & { readonly family: 4 | 6 }
}

/** A queue of the kernel in which attempts wait, by its bare descriptor. Each packet is answered once. */
export interface HoldQueue {
  readonly hold: number
  readonly descriptor: number
  /** What one read brings; `undefined` when there is nothing more. Throws an error number where it cannot be read. */
  receive(): HeldSyn[] | undefined
  accept(packet: number): void
  drop(packet: number): void
  /** It is not read here any more: what is answered from here on is not said. */
  left(): void
}
