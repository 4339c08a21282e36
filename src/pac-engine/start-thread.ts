import type { Worker } from 'node:worker_threads'
import { startThread } from '../system/start-thread.ts'

/**
 * Of the thread's own heap; the scripts' memory is WebAssembly's and has its limit in `memoryPages`. A thread needs 10 MB and would, unasked, let garbage
 * lie until it had some hundreds.
 */
const HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 }

/** Starts one of the engine's two kinds of thread. */
export function startPacThread(name: 'worker' | 'evaluator-worker', workerData: unknown): Worker {
  return startThread(new URL(`./${name}.js`, import.meta.url), {
    workerData,
    name: `pac ${name}`,
    resourceLimits: HEAP,
  })
}
