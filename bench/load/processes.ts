import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Outcome, Task } from './tasks.ts'

const execArgv = ['--import=tsx']

/** The far end, in a process of its own. */
export async function startOrigin(): Promise<{ readonly port: number; stop(): void }> {
  const origin = fork(new URL('./origin.ts', import.meta.url), { execArgv })
  const done = new AbortController()
  const port = await Promise.race([
    once(origin, 'message', done).then(([message]) => (message as { port: number }).port),
    once(origin, 'exit', done).then(() => undefined),
  ])
  done.abort()
  if (port === undefined) throw new Error('the origin of the measurement could not be started')
  return { port, stop: () => origin.kill() }
}

/** The near end, in a process of its own. After a failure a new one is started, for nobody knows what the old one still holds open. */
export class Generator {
  #process: ChildProcess | undefined

  /** Rejects with what went wrong in the generator. */
  readonly ask = async (task: Task): Promise<Outcome> => {
    this.#process ??= fork(new URL('./client.ts', import.meta.url), { execArgv })
    const running = this.#process
    const done = new AbortController()
    running.send(task)
    const [answer] = (await Promise.race([
      once(running, 'message', done),
      once(running, 'exit', done).then(() => [{ error: 'the load generator died' }]),
    ])) as [Outcome | { error: string }]
    done.abort()
    if (!('error' in answer)) return answer
    this.stop()
    throw new Error(answer.error)
  }

  stop(): void {
    this.#process?.kill()
    this.#process = undefined
  }
}
