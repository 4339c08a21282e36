import { availableParallelism } from 'node:os'
import type { Clock } from '../contracts/clock.ts'
import type { Relay } from '../contracts/relay.ts'
import { KernelRelay } from './kernel-relay.ts'
import { LimitSweep } from './limit-sweep.ts'
import type { RelayLimits } from './limits.ts'
import { StreamPair } from './stream-pair.ts'

export interface RelayOptions extends RelayLimits {
  readonly clock: Clock
  /** Let the kernel move the bytes where it can. Default: on Linux, unless FAIRLEAD_FAST_RELAY is `off`. */
  readonly fast?: boolean
  /** Threads that move bytes in the kernel. Default: one for each core but one, which the rest of the gateway has; at most MAX_THREADS. */
  readonly threads?: number
  /** All threads of the process that move bytes, which have the pipes of one user among them. Default: the relay's. */
  readonly pipeSharers?: number
  /**
   * Bytes that a pair moves portably first. Default FAST_AFTER_BYTES; 0 takes every pair from its start, as does FAIRLEAD_FAST_RELAY=at-once,
   * with which a test of anything else becomes a test of the fast path too.
   */
  readonly fastAfterBytes?: number
  /** Told when the fast path can't be used, or can't any longer. Flows go on portably. */
  readonly onFastPathLost?: (reason: string) => void
}

export type RunningRelay = Relay & {
  /** A relay of other limits, or without the fast path, on the same threads: for settings that have changed. Live pairs keep theirs. */
  withLimits(limits: RelayLimits, fast?: boolean): Relay
  /** Fulfilled when the fast path stands or is known not to; until then flows go portably. */
  readonly started: Promise<unknown>
  /** Pairs whose bytes the kernel moves: at this moment, and since the start. */
  fastPairs(): { readonly now: number; readonly ever: number }
  /** Ends all pairs, those of other limits too, as aborted; fulfilled when their sockets are closed. */
  abort(): Promise<void>
  /** Ends the pairs still running in the kernel, as aborted, and the threads. */
  close(): Promise<void>
}

/** One thread moves more than ten gigabits a second; beyond this number memory bandwidth is what limits. */
const MAX_THREADS = 8

/** Where nobody says how many. */
export const relayThreads = (): number => Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1))

/**
 * Bytes a pair moves portably before the kernel takes it. Handing over costs about as much CPU as Node needs for half of this, and most
 * tunnels never come so far.
 */
const FAST_AFTER_BYTES = 256 * 1024

/** The relay that the gateway uses: stream events for every pair, the kernel for those plain sockets that turn out to carry much. */
export function createRelay(options: RelayOptions): RunningRelay {
  const { clock } = options
  const wanted = options.fast ?? process.env['FAIRLEAD_FAST_RELAY'] !== 'off'
  const kernel = wanted && process.platform === 'linux' ? createKernelRelay(options) : undefined
  /** That have pairs, and perhaps some that had. */
  const sweeps = new Set<LimitSweep>()
  const withLimits = (limits: RelayLimits, fast = true): Relay => {
    for (const other of sweeps) if (other.size === 0) sweeps.delete(other)
    const sweep = new LimitSweep(limits, clock)
    const successor = fast ? kernel : undefined
    return (client, upstream, signal, counts = { bytesUp: 0, bytesDown: 0 }) =>
      new Promise((resolve) => {
        sweeps.add(sweep)
        const pair = { client, upstream, signal, counts, startedAt: clock.monotonic(), firstByteMs: undefined, resolve }
        if (successor?.after === 0 && successor.canTake(pair)) successor.take(pair, sweep)
        else new StreamPair(pair, sweep, clock, successor).start()
      })
  }
  return Object.assign(withLimits(options), {
    withLimits,
    started: kernel?.started ?? Promise.resolve(),
    fastPairs: () => kernel?.pairs ?? { now: 0, ever: 0 },
    abort: async () => void (await Promise.all([...sweeps].map((sweep) => sweep.abortAll()))),
    close: async () => kernel?.close(),
  })
}

function createKernelRelay(options: RelayOptions): KernelRelay {
  return new KernelRelay({
    clock: options.clock,
    threads: options.threads ?? relayThreads(),
    ...(options.pipeSharers === undefined ? {} : { pipeSharers: options.pipeSharers }),
    after: options.fastAfterBytes ?? (process.env['FAIRLEAD_FAST_RELAY'] === 'at-once' ? 0 : FAST_AFTER_BYTES),
    onThreadLost: options.onFastPathLost ?? (() => {}),
  })
}
