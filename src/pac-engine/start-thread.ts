import { Worker } from 'node:worker_threads'

/**
 * Of the thread's own heap; the scripts' memory is WebAssembly's and has its limit in `memoryPages`. A thread needs 10 MB and would, unasked, let garbage
 * lie until it had some hundreds.
 */
const HEAP = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 }

/** Starts a worker thread from the built file, or from the source by way of tsx. */
export function startThread(name: 'worker' | 'evaluator-worker', workerData: unknown): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  const entry = new URL(fromSource ? './worker-from-source.mjs' : `./${name}.js`, import.meta.url)
  return new Worker(entry, { workerData, argv: [name], name: `pac ${name}`, resourceLimits: HEAP })
}
