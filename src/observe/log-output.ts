import { writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'
import { standardError } from './standard-error.ts'

/** Bytes of lines that wait for a reader, or for room on the disk: some 8,000 flows. */
const MAX_WAITING = 4 * 2 ** 20
/** Waiting lines that are written in one go. */
const BATCH = 256
/** Milliseconds until waiting lines are tried again: soon, for most readers have merely fallen behind, and then ever more rarely. */
const FIRST_RETRY_MS = 1
const MAX_RETRY_MS = 1_000
/** At the end of the process waiting lines are tried this many times, so many milliseconds apart: a second for a reader who lives, and no more for one who does not. */
const END_TRIES = 200
const END_PAUSE_MS = 5

const NOTHING = Buffer.alloc(0)

/**
 * Where the lines of the log go. Each is written before `write` returns, so that none is lost whatever becomes of the process; but where it cannot be (nobody reads the pipe, the
 * disk is full) it waits, and the gateway goes on. What is too much to wait is lost and counted. From the first line that is lost on all are, until nothing waits any more: so
 * there is one gap, and `onGap` is called where it is. (SonicBoom, pino's own, would do it but for its ends: `flushSync`, which pino calls for each fatal line, never returns on a
 * full disk, and after an EPIPE it writes nothing more, though a FIFO can get another reader.)
 */
export class LogOutput implements DestinationStream {
  readonly #open: () => number
  readonly #pause: (ms: number) => void
  #fd: number | undefined
  /** Told how many lines are missing where the next one goes, and why. */
  #onGap: (lines: number, reason: string) => void = () => {}
  /** The rest of what was being written when no more could be: not only its line would be spoilt without it. */
  #begun = NOTHING
  #waiting: string[] = []
  #waitingBytes = 0
  #linesLost = 0
  #gap = 0
  #reason = ''
  #retryMs = FIRST_RETRY_MS
  #retry: NodeJS.Timeout | undefined
  #isWatchingEnd = false

  /** `open`: a descriptor, writes to which do not wait; called once, for the first line. `pause`: for tests. */
  constructor(open: () => number = standardError, pause: (ms: number) => void = sleep) {
    this.#open = open
    this.#pause = pause
  }

  /** Since the start. */
  get linesLost(): number {
    return this.#linesLost
  }

  onGap(tell: (lines: number, reason: string) => void): void {
    this.#onGap = tell
  }

  write(text: string): void {
    if (this.#retry !== undefined) this.#keep(text)
    else if (this.#put(text) === 'stuck') this.#waitForRoom()
  }

  /** pino calls this for a fatal line, and whoever is about to end the process may: one try, for what waits. */
  flushSync(): void {
    if (this.#retry !== undefined) this.#catchUp()
  }

  /** Called at the end of the process: nothing comes after it. */
  finish(): void {
    for (let tried = 1; this.#retry !== undefined; tried += 1) {
      this.#catchUp()
      // A disk that is full does not become empty in a second; a pipe does.
      if (this.#reason !== 'EAGAIN' || tried === END_TRIES) return
      if (this.#retry !== undefined) this.#pause(END_PAUSE_MS)
    }
  }

  /** Straight from the text, for that is the cheapest; nothing waits before it. */
  #put(text: string): 'written' | 'stuck' {
    const length = Buffer.byteLength(text)
    const written = this.#tryToWrite(text)
    if (written === length) return 'written'
    this.#begun = Buffer.from(text).subarray(written)
    this.#waitingBytes = this.#begun.length
    return this.#writeWaiting() ? 'written' : 'stuck'
  }

  #keep(text: string): void {
    const length = Buffer.byteLength(text)
    const fits = () => this.#waitingBytes + length <= MAX_WAITING
    // A reader may have read meanwhile, and only this thread have had no time to see it.
    if (this.#gap === 0 && !fits()) this.#writeWaiting()
    if (this.#gap > 0 || !fits()) {
      this.#gap += 1
      this.#linesLost += 1
      return
    }
    this.#waiting.push(text)
    this.#waitingBytes += length
  }

  /** False: some of it still waits. */
  #writeWaiting(): boolean {
    while (this.#waitingBytes > 0) {
      if (this.#begun.length === 0) this.#begun = Buffer.from(this.#waiting.splice(0, BATCH).join(''))
      const written = this.#tryToWrite(this.#begun)
      if (written === 0) return false
      this.#retryMs = FIRST_RETRY_MS
      this.#begun = this.#begun.subarray(written)
      this.#waitingBytes -= written
    }
    this.#begun = NOTHING
    return true
  }

  /** Bytes written: all, some or none. */
  #tryToWrite(data: string | Buffer): number {
    try {
      this.#fd ??= this.#open()
      return typeof data === 'string' ? writeSync(this.#fd, data) : writeSync(this.#fd, data)
    } catch (thrown) {
      this.#reason = (thrown as NodeJS.ErrnoException).code ?? String(thrown)
      return 0
    }
  }

  #waitForRoom(): void {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#catchUp(), this.#retryMs)
    this.#retry.unref()
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS)
    if (this.#isWatchingEnd) return
    this.#isWatchingEnd = true
    process.once('exit', () => this.finish())
  }

  #catchUp(): void {
    if (!this.#writeWaiting()) {
      this.#waitForRoom()
      return
    }
    clearTimeout(this.#retry)
    this.#retry = undefined
    const lines = this.#gap
    this.#gap = 0
    if (lines > 0) this.#onGap(lines, this.#reason)
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
