import type { Door } from './handshake.ts'

/** What the generator is asked to do, one at a time. Every measured span comes with the CPU that `watch` (a process tree) used in it. */
export interface Way {
  readonly door: Door
  /** Where the generator connects: the proxy, or for `direct` and plain TCP relays the place itself. */
  readonly port: number
  /** IPv4 address of that port, and of the origin; loopback unless told otherwise. */
  readonly host?: string
  readonly originHost?: string
  /** The origin as the proxy is told. */
  readonly origin: number
  /** Root of the process tree that is measured; absent for direct. */
  readonly watch?: number
  /** Milliseconds of the same before the measured span: buffers have grown, and what a long-running process compiles is compiled. */
  readonly warmUpMs?: number
}

export type Task =
  | {
      readonly kind: 'bulk'
      readonly way: Way
      readonly direction: 'down' | 'up'
      readonly streams: number
      readonly ms: number
    }
  | { readonly kind: 'connects'; readonly way: Way; readonly concurrency: number; readonly ms: number }
  | { readonly kind: 'turns'; readonly way: Way; readonly ms: number }
  | { readonly kind: 'requests'; readonly way: Way; readonly connections: number; readonly ms: number }
  | { readonly kind: 'open-idle'; readonly way: Way; readonly tunnels: number }
  | { readonly kind: 'close-idle' }

export interface Outcome {
  /** Seconds of the measured span. */
  readonly seconds: number
  /** CPU seconds of the watched tree in that span. */
  readonly cpu: number
  /** Bytes, connections, turns, requests or tunnels. */
  readonly count: number
  /** Microseconds, sorted: one for each turn or connection. */
  readonly micros?: readonly number[]
}
