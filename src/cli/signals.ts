import { exitNow } from '../gateway/exit-now.ts'
import { EXIT } from './exit-code.ts'

const WATCHED = ['SIGHUP', 'SIGTERM', 'SIGINT'] as const
export type WatchedSignal = (typeof WATCHED)[number]

/** Kept while it starts: the first drains, the second ends it at once. Whoever says it a third time does not want to wait for the start. */
const MAX_ENDS = 2

/**
 * The signals from the first moment on: what comes while the gateway starts is kept until somebody can act on it. Left to the system it would end the process, and the
 * rules of captured traffic would stay in the kernel. They stay watched to the end, for the same reason.
 */
export class Signals {
  readonly #early: WatchedSignal[] = []
  #handle: ((signal: WatchedSignal) => void) | undefined

  constructor() {
    for (const name of WATCHED) process.on(name, () => this.#came(name))
    // Those from before this was read; see early-signals.cts.
    process.emit(
      'fairlead:signals' as 'exit',
      ((kept: WatchedSignal[]) => {
        for (const name of kept) this.#came(name)
      }) as never,
    )
    // Node would open its debugger for whoever is on this machine, and for the gateway's own clients.
    process.on('SIGUSR1', () => {})
    // A file that may not grow (LimitFSIZE= of a service): the write that has failed says so.
    process.on('SIGXFSZ', () => {})
  }

  /** From here on all go to `handle`, those that have come already first. */
  handle(handle: (signal: WatchedSignal) => void): void {
    this.#handle = handle
    for (const signal of this.#early.splice(0)) handle(signal)
  }

  #came(signal: WatchedSignal): void {
    const early = this.#early
    if (this.#handle) this.#handle(signal)
    else if (signal === 'SIGHUP' && early.includes(signal)) return
    else if (signal === 'SIGHUP' || early.filter((one) => one !== 'SIGHUP').length < MAX_ENDS) early.push(signal)
    else exitNow(EXIT.failed)
  }
}
