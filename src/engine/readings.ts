import type { Clock } from '../contracts/clock.ts'
import { EngineError } from './engine-error.ts'

/** Milliseconds that a burst of events may still grow before everything is read: `compose up` makes dozens in a second. */
const GATHER_MS = 30
/** Milliseconds between the end of a reading and the next, so that an engine under a storm of events is not asked without end. */
const REST_MS = 200
/** Milliseconds after which everything is read again though nothing was told: events get lost when an engine is busy. */
const ANEW_MS = 30_000
/** Milliseconds for one whole reading. */
const READING_MS = 60_000

export interface ReadingsOptions {
  readonly clock: Clock
  /** No reading begins after it has been aborted. */
  readonly signal: AbortSignal
  read(signal: AbortSignal): Promise<void>
  /** A reading came to nothing. */
  failed(error: unknown): void
}

/** When to read an engine: one reading at a time, many reasons served by one. */
export class Readings {
  readonly #options: ReadingsOptions
  #planned: { readonly at: number; cancel(): void } | undefined
  #isReading = false
  #endedAt = Number.NEGATIVE_INFINITY
  /** Something happened during the reading that is under way. */
  #again = false
  #waiting: (() => void)[] = []
  #happened = 0
  #isCurrent = false

  constructor(options: ReadingsOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#stop(), { once: true })
  }

  /** Whether nothing has happened since a reading began that came to something: its word holds, however long ago that was. */
  get isCurrent(): boolean {
    return this.#isCurrent
  }

  /** Something happened. */
  soon(): void {
    this.#happened += 1
    this.#isCurrent = false
    this.#want(GATHER_MS)
  }

  /** Resolves at the end of a reading that begins after this call, or when there will be none. */
  now(): Promise<void> {
    if (this.#options.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#want(0)
    })
  }

  #want(ms: number): void {
    if (this.#options.signal.aborted) return
    if (this.#isReading) {
      this.#again = true
      return
    }
    const now = this.#options.clock.monotonic()
    this.#planAt(Math.max(now + ms, this.#endedAt + REST_MS))
  }

  /** The earlier plan holds: under a storm of events each of them must not put the reading off. */
  #planAt(at: number): void {
    if (this.#planned && this.#planned.at <= at) return
    this.#planned?.cancel()
    this.#planned = undefined
    const { clock } = this.#options
    const ms = at - clock.monotonic()
    if (ms <= 0) void this.#read()
    else this.#planned = { at, cancel: clock.after(ms, () => void this.#read()) }
  }

  async #read(): Promise<void> {
    const { clock, signal, read, failed } = this.#options
    this.#planned = undefined
    this.#isReading = true
    this.#again = false
    const served = this.#waiting.splice(0)
    const happened = this.#happened
    const tooLong = new AbortController()
    const passOn = () => tooLong.abort(signal.reason)
    signal.addEventListener('abort', passOn)
    const cancel = clock.after(READING_MS, () =>
      tooLong.abort(new EngineError(`reading the engine took longer than ${READING_MS / 1000} s`)),
    )
    try {
      await read(tooLong.signal)
      this.#isCurrent = happened === this.#happened
    } catch (thrown) {
      this.#isCurrent = false
      failed(tooLong.signal.aborted ? tooLong.signal.reason : thrown)
    } finally {
      cancel()
      signal.removeEventListener('abort', passOn)
      this.#isReading = false
      this.#endedAt = clock.monotonic()
      for (const done of served) done()
      if (!signal.aborted) this.#planAt(this.#endedAt + (this.#again ? REST_MS : ANEW_MS))
    }
  }

  #stop(): void {
    this.#planned?.cancel()
    for (const done of this.#waiting.splice(0)) done()
  }
}
