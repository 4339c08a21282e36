import { Worker, type WorkerOptions } from 'node:worker_threads'

/**
 * Starts a thread from the built file, or from the source by way of tsx, whose loader does not reach into threads by itself.
 * `entry` is the address of the file as it is named once built: `new URL('./relay-worker.js', import.meta.url)`.
 */
export function startThread(entry: URL, options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(entry, options)
  const [loader, file] = [import.meta.resolve('tsx/esm/api'), entry.href.replace(/\.js$/, '.ts')]
  const code = `import('${loader}').then(({ register }) => (register(), import('${file}')))`
  return new Worker(code, { ...options, eval: true })
}
