import { availableParallelism } from 'node:os'
import type { Clock } from '../contracts/clock.ts'
import type { Relay } from '../contracts/relay.ts'
import { KernelRelay } from './kernel-relay.ts'
import type { RelayLimits } from './limits.ts'
import { createPortableRelay } from './portable.ts'

export interface RelayOptions extends RelayLimits {
  readonly clock: Clock
  /** Let the kernel move the bytes where it can. Default: on Linux, unless FAIRLEAD_FAST_RELAY is `off`. */
  readonly fast?: boolean
  /** Threads that move bytes in the kernel. Default: one for each core but one, which the rest of the gateway has; at most MAX_THREADS. */
  readonly threads?: number
  /** Told when the fast path can't be used, or can't any longer. Flows go on portably. */
  readonly onFastPathLost?: (reason: string) => void
}

export type RunningRelay = Relay & {
  /** Fulfilled when the fast path stands or is known not to; until then flows go portably. */
  readonly started: Promise<unknown>
  /** Pairs whose bytes the kernel is moving at this moment. */
  fastPairs(): number
  /** Ends the pairs still running in the kernel, as aborted, and the threads. */
  close(): Promise<void>
}

/** One thread moves more than ten gigabits a second; beyond this number memory bandwidth is what limits. */
const MAX_THREADS = 8

/** The relay that the gateway uses: the kernel's for pairs of plain sockets, the portable one for everything else. */
export function createRelay(options: RelayOptions): RunningRelay {
  const portable = createPortableRelay(options)
  const fast = options.fast ?? process.env['FAIRLEAD_FAST_RELAY'] !== 'off'
  const kernel = fast && process.platform === 'linux' ? createKernelRelay(options) : undefined
  const relay: Relay = (client, upstream, signal, counts = { bytesUp: 0, bytesDown: 0 }) =>
    kernel?.take(client, upstream, signal, counts) ?? portable(client, upstream, signal, counts)
  return Object.assign(relay, {
    started: kernel?.started ?? Promise.resolve(),
    fastPairs: () => kernel?.pairs ?? 0,
    close: async () => kernel?.close(),
  })
}

function createKernelRelay(options: RelayOptions): KernelRelay {
  const threads = options.threads ?? Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1))
  return new KernelRelay({ ...options, threads, onThreadLost: options.onFastPathLost ?? (() => {}) })
}
