import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { Clock } from '../contracts/clock.ts'

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

/**
 * Ends a thread; what it returns, called, does so, as soon as the thread has said its first word or `latestMs` after the call. Node never closes the files
 * that a thread was reading its modules from when it was ended (seen with 20.20), and one that has spoken has read all of them.
 */
export function endsOnceStarted(worker: Worker, clock: Clock, latestMs: number): () => Promise<void> {
  const spoke = new Promise<void>((resolve) => {
    for (const event of ['message', 'error', 'exit']) worker.once(event, () => resolve())
  })
  return async () => {
    let cancel = () => {}
    const waited = new Promise<void>((resolve) => {
      cancel = clock.after(latestMs, resolve)
    })
    await Promise.race([spoke, waited])
    cancel()
    await worker.terminate()
  }
}
