import type { Clock } from '../contracts/clock.ts'
import type { ContainerNetwork, ContainerView } from '../contracts/containers.ts'
import type { EngineAddress } from '../wire/engine-address.ts'
import { negotiate } from './api-version.ts'
import { EngineClient } from './engine-client.ts'
import { EngineError } from './engine-error.ts'
import { type EngineEvent, EventReader } from './event-reader.ts'
import { INFO, readLivesOn } from './read-lives-on.ts'
import { ViewReader } from './read-view.ts'
import { Readings } from './readings.ts'

/** Milliseconds until an engine that is away is tried again: the first time, and at most. A restart takes about a second. */
const RETRY_FIRST_MS = 250
const RETRY_MOST_MS = 5_000
/** Milliseconds in which an engine that was only cut off, by a proxy before it or a fault, has been read again. One that starts anew takes longer. */
const ENDED_MS = 400

/** What can change a view. Others, of which health checks alone make several a second, are not asked for. */
const EVENTS = {
  type: ['container', 'network'],
  event: ['start', 'die', 'stop', 'pause', 'unpause', 'rename', 'create', 'destroy', 'connect', 'disconnect', 'remove'],
}
/** Of Docker's own engine besides: it has read its settings anew. */
const DOCKER_EVENTS = { type: [...EVENTS.type, 'daemon'], event: [...EVENTS.event, 'reload'] }

export interface Following {
  readonly address: EngineAddress
  readonly clock: Clock
  /** The engine is there, and this is what it has. Called for every reading. */
  onView(view: ContainerView, engine: string): void
  /** These are the networks now; who is in them comes with `onView`, later. */
  onNetworks(networks: readonly ContainerNetwork[]): void
  /**
   * Something has happened that the next reading will show: a network is connected before the container that it is for has begun to run. Called for
   * each piece of what the engine tells, with the events that end in it.
   */
  onEvents(events: readonly EngineEvent[]): void
  /** What has happened until now, the reading that begins will show. */
  onReading(): void
  /** The engine is away; called once for each time it goes, and when it is not there at first. `isMissing`: there is no socket. */
  onAway(reason: string, isMissing: boolean): void
  /** It has ended, as far as can be told, and its containers with it; after `onAway`. */
  onEnded(): void
  /** It is not to be asked whether containers outlive it (`#askWhoLivesOn`); called once. */
  onUntold(reason: string): void
}

/** One engine, followed until `close`: through restarts, and from before its first start. */
export class Follower {
  readonly #options: Following
  readonly #closed = new AbortController()
  #readings: Readings | undefined
  #away = false
  /** Since the engine has gone whose containers go with it. */
  #cancelEnded: (() => void) | undefined
  /** Whether containers go on without the engine that was there last, as far as anybody knows. */
  #livesOn = true
  #asked = 0
  #isUntoldTold = false

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
    this.#cancelEnded?.()
    this.#closed.abort(new EngineError('closed'))
  }

  async #run(): Promise<void> {
    let retryMs = RETRY_FIRST_MS
    while (!this.#closed.signal.aborted) {
      let seen = false
      const lost = await this.#session(() => {
        seen = true
        this.#away = false
        this.#cancelEnded?.()
        this.#cancelEnded = undefined
      })
      if (this.#closed.signal.aborted) return
      this.#goesAway(lost)
      if (lost.hasGone && !this.#livesOn) {
        this.#cancelEnded ??= this.#options.clock.after(ENDED_MS, () => this.#options.onEnded())
      }
      retryMs = seen ? RETRY_FIRST_MS : Math.min(retryMs * 2, RETRY_MOST_MS)
      await this.#pause(retryMs)
    }
  }

  #goesAway({ message, isMissing }: EngineError): void {
    if (!this.#away) this.#options.onAway(message, isMissing)
    this.#away = true
  }

  /** From the first request to the loss of the connection; answers why it was lost. */
  async #session(seen: () => void): Promise<EngineError> {
    const { address, clock, onView, onNetworks, onEvents, onReading } = this.#options
    const ended = new AbortController()
    const end = (reason: unknown) => ended.abort(reason)
    const onClosed = () => end(this.#closed.signal.reason)
    this.#closed.signal.addEventListener('abort', onClosed, { once: true })
    try {
      const client = new EngineClient(address, clock)
      const { prefix, engine, isDocker, isAnother } = await negotiate(client, ended.signal)
      const reader = new ViewReader(client, { prefix, isAnother })
      const readings = new Readings({
        clock,
        signal: ended.signal,
        read: async (signal) => {
          onReading()
          const view = await reader.read(signal, (networks) => {
            if (!ended.signal.aborted) onNetworks(networks)
          })
          if (ended.signal.aborted) return
          seen()
          onView(view, engine)
        },
        // Whoever has waited for it hears of that.
        failed: (error) => {
          if (!ended.signal.aborted) this.#goesAway(errorOf(error))
          end(error)
        },
      })
      this.#readings = readings
      const wanted = isDocker ? DOCKER_EVENTS : EVENTS
      const events = `${prefix}/events?filters=${encodeURIComponent(JSON.stringify(wanted))}`
      const eventReader = new EventReader()
      const askWhoLivesOn = () => void this.#askWhoLivesOn(isDocker ? client : undefined, prefix, ended.signal)
      // Listening first: what happens during the first reading is told, and read again.
      const opened = () => {
        void readings.now()
        askWhoLivesOn()
      }
      const happened = (piece: Buffer) => {
        const events = eventReader.push(piece)
        if (events.some((event) => !event || event.type === 'daemon')) askWhoLivesOn()
        onEvents(events)
        readings.soon()
      }
      return await client.follow(events, opened, happened, ended.signal)
    } catch (thrown) {
      return errorOf(ended.signal.aborted ? ended.signal.reason : thrown)
    } finally {
      this.#closed.signal.removeEventListener('abort', onClosed)
      this.#readings = undefined
      end(new EngineError('the connection is over'))
    }
  }

  /**
   * Docker's engine ends its containers when it ends, unless it has `live-restore`, and while it starts anew it gives their addresses to others before it
   * can be asked: where it does not say, they end with it. Others' are no children of theirs.
   */
  async #askWhoLivesOn(docker: EngineClient | undefined, prefix: string, signal: AbortSignal): Promise<void> {
    this.#livesOn = !docker
    this.#asked += 1
    if (!docker) return
    const asked = this.#asked
    const told = await docker.get(`${prefix}/info`, signal, INFO).then(readLivesOn, errorOf)
    if (signal.aborted || asked !== this.#asked) return
    this.#livesOn = told === true
    if (typeof told === 'boolean' || told.hasGone || this.#isUntoldTold) return
    this.#isUntoldTold = true
    this.#options.onUntold(told.message)
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

function errorOf(thrown: unknown): EngineError {
  return thrown instanceof EngineError ? thrown : new EngineError(`a fault in following the engine: ${String(thrown)}`)
}
