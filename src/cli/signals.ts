import { EXIT } from './exit-code.ts'

const WATCHED = ['SIGHUP', 'SIGTERM', 'SIGINT'] as const
export type WatchedSignal = (typeof WATCHED)[number]

/**
 * The signals from the first moment on: what comes while the gateway starts is kept until somebody can act on it. Left to the system it would end the process, and the
 * rules of captured traffic would stay in the kernel. They stay watched to the end, for the same reason.
 */
export class Signals {
  readonly #early: WatchedSignal[] = []
  #handle: ((signal: WatchedSignal) => void) | undefined

  constructor() {
    for (const name of WATCHED) process.on(name, () => this.#came(name))
  }

  /** From here on all go to `handle`, those that have come already first. */
  handle(handle: (signal: WatchedSignal) => void): void {
    this.#handle = handle
    for (const signal of this.#early.splice(0)) handle(signal)
  }

  #came(signal: WatchedSignal): void {
    if (this.#handle) this.#handle(signal)
    // Whoever says it twice does not want to wait for the start.
    else if (signal !== 'SIGHUP' && this.#early.some((early) => early !== 'SIGHUP')) process.exit(EXIT.failed)
    else if (!this.#early.includes(signal)) this.#early.push(signal)
  }
}
