import type { Endpoint } from '../system/linux/socket-address.ts'
import type { EventLoop } from './event-loop.ts'
import type { FrontClient } from './front-client.ts'
import type { HeldSyn } from './hold-queue.ts'
import type { LoopbackPacing } from './loopback-pacing.ts'
import type { End } from './messages.ts'
import type { Asked } from './outbox.ts'
import type { Side, StartTunnel } from './tunnel.ts'
import type { TunnelTimes } from './tunnel-times.ts'

/** What a client needs of the front around it. */
export interface FrontClientHost {
  readonly loop: EventLoop
  readonly startTunnel: StartTunnel
  readonly times: TunnelTimes
  readonly pacing: LoopbackPacing
  now(): number
  /** Of a tunnel: grows whenever something moves. */
  progress(row: number): number
  /** Answers by `client.answer`, at once or later. */
  asks(client: FrontClient, asked: Asked, peer: Endpoint): void
  /** An address that it was told did not answer. */
  doubts(client: FrontClient): void
  /** It was refused by an address, or told that there is no way: whoever has it next need not ask there again. */
  failed(client: FrontClient, address: string, error: number): void
  stands(client: FrontClient): void
  /** It has work for the next turn. */
  queue(client: FrontClient): void
  /** Its descriptors are closed, or given to the doors: then its row has it until that has been told. */
  left(client: FrontClient, how: Leaving): void
  /** A descriptor of its row; 0: none. */
  holds(row: number, side: Side, fd: number): void
}

export type Leaving =
  /** It said nothing, and went. */
  | { readonly kind: 'closed' }
  /** It went while the way out was being opened. */
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'given'
      readonly asked: boolean
      readonly descriptor: number
      readonly bytes: Uint8Array | undefined
      readonly answered: number
    }
  /** It has no connection yet, and the kernel holds its attempt. */
  | { readonly kind: 'given-held'; readonly syn: HeldSyn }
  | { readonly kind: 'ended'; readonly how: End }
