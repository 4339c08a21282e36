import { Worker } from 'node:worker_threads'

/** Starts a worker thread from the built file, or from the source by way of tsx. */
export function startThread(name: 'worker' | 'evaluator-worker', workerData: unknown): Worker {
  const fromSource = import.meta.url.endsWith('.ts')
  const entry = new URL(fromSource ? './worker-from-source.mjs' : `./${name}.js`, import.meta.url)
  return new Worker(entry, { workerData, argv: [name], name: `pac ${name}` })
}
