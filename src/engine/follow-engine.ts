import type { Clock } from '../contracts/clock.ts'
import type { ContainerView } from '../contracts/containers.ts'
import type { EngineAddress } from '../wire/engine-address.ts'
import { negotiate } from './api-version.ts'
import { EngineClient } from './engine-client.ts'
import { EngineError } from './engine-error.ts'
import { ViewReader } from './read-view.ts'
import { Readings } from './readings.ts'

/** Milliseconds until an engine that is away is tried again: the first time, and at most. A restart takes about a second. */
const RETRY_FIRST_MS = 250
const RETRY_MOST_MS = 5_000

/** What can change a view. Others, of which health checks alone make several a second, are not asked for. */
const EVENTS = {
  type: ['container', 'network'],
  event: ['start', 'die', 'stop', 'pause', 'unpause', 'rename', 'create', 'destroy', 'connect', 'disconnect', 'remove'],
}

export interface Following {
  readonly address: EngineAddress
  readonly clock: Clock
  /** The engine is there, and this is what it has. Called for every reading. */
  onView(view: ContainerView, engine: string): void
  /** Something has happened that the next reading will show: a network is connected before the container that it is for has begun to run. */
  onEvent(): void
  /** The engine is away; called once for each time it goes, and when it is not there at first. */
  onAway(reason: string): void
}

/** One engine, followed until `close`: through restarts, and from before its first start. */
export class Follower {
  readonly #options: Following
  readonly #closed = new AbortController()
  #readings: Readings | undefined
  #away = false

  constructor(options: Following) {
    this.#options = options
    void this.#run()
  }

  /** See `Readings`. */
  get isCurrent(): boolean {
    return this.#readings?.isCurrent ?? false
  }

  /** Resolves when what happened before the call has been read, or cannot be. */
  async refresh(): Promise<void> {
    await this.#readings?.now()
  }

  close(): void {
    this.#closed.abort(new EngineError('closed'))
  }

  async #run(): Promise<void> {
    let retryMs = RETRY_FIRST_MS
    while (!this.#closed.signal.aborted) {
      let seen = false
      const reason = await this.#session(() => {
        seen = true
        this.#away = false
      })
      if (this.#closed.signal.aborted) return
      if (!this.#away) this.#options.onAway(reason)
      this.#away = true
      retryMs = seen ? RETRY_FIRST_MS : Math.min(retryMs * 2, RETRY_MOST_MS)
      await this.#pause(retryMs)
    }
  }

  /** From the first request to the loss of the connection; answers why it was lost. */
  async #session(seen: () => void): Promise<string> {
    const { address, clock, onView, onEvent } = this.#options
    const ended = new AbortController()
    const end = (reason: unknown) => ended.abort(reason)
    const onClosed = () => end(this.#closed.signal.reason)
    this.#closed.signal.addEventListener('abort', onClosed, { once: true })
    try {
      const client = new EngineClient(address, clock)
      const { prefix, engine } = await negotiate(client, ended.signal)
      const reader = new ViewReader(client, prefix)
      const readings = new Readings({
        clock,
        signal: ended.signal,
        read: async (signal) => {
          const view = await reader.read(signal)
          if (ended.signal.aborted) return
          seen()
          onView(view, engine)
        },
        failed: end,
      })
      this.#readings = readings
      const events = `${prefix}/events?filters=${encodeURIComponent(JSON.stringify(EVENTS))}`
      // Listening first: what happens during the first reading is told, and read again.
      const opened = () => void readings.now()
      const happened = () => {
        onEvent()
        readings.soon()
      }
      return await client.follow(events, opened, happened, ended.signal)
    } catch (thrown) {
      return reasonOf(ended.signal.aborted ? ended.signal.reason : thrown)
    } finally {
      this.#closed.signal.removeEventListener('abort', onClosed)
      this.#readings = undefined
      end(new EngineError('the connection is over'))
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#closed
    return new Promise((resolve) => {
      const done = () => {
        cancel()
        signal.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.#options.clock.after(ms, done)
      signal.addEventListener('abort', done)
    })
  }
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof EngineError ? thrown.message : `a fault in following the engine: ${String(thrown)}`
}
