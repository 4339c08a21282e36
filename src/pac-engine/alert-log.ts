import type { Clock } from '../contracts/clock.ts'
import { clean } from './script-failure.ts'
import type { Notes } from './vm-outcome.ts'

type Alerts = Pick<Notes, 'alerts' | 'dropped'>

/** Lines that are written at once, of two decisions and a half that say all they may. */
const BURST = 50
/** And in each second after that: a line that a script says about each of a thousand decisions a second is not worth a disk. */
const A_SECOND = 10
/** How often the log says how many were left out. */
const TELL_MS = 60_000

export interface AlertLogOptions {
  readonly origin: string
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn', message: string) => void
}

/** What a script says by `alert`, for people, in the log: so much of it as a log bears. */
export class AlertLog {
  readonly #options: AlertLogOptions
  #room = BURST
  /** By `clock.monotonic()`. */
  #since = Number.NEGATIVE_INFINITY
  #leftOut = 0

  constructor(options: AlertLogOptions) {
    this.#options = options
  }

  tell({ alerts, dropped }: Alerts): void {
    if (alerts.length === 0 && dropped === 0) return
    const { origin, log } = this.#options
    for (const alert of alerts) {
      if (this.#hasRoom()) log('info', `PAC ${origin} alert: ${clean(alert)}`)
      else this.#leaveOut(1)
    }
    if (dropped === 0) return
    if (this.#hasRoom()) this.#tellOf(dropped)
    else this.#leaveOut(dropped)
  }

  #hasRoom(): boolean {
    const now = this.#options.clock.monotonic()
    this.#room = Math.min(BURST, this.#room + ((now - this.#since) / 1_000) * A_SECOND)
    this.#since = now
    if (this.#room < 1) return false
    this.#room--
    return true
  }

  #leaveOut(count: number): void {
    if (this.#leftOut === 0) {
      this.#options.clock.after(TELL_MS, () => {
        this.#tellOf(this.#leftOut)
        this.#leftOut = 0
      })
    }
    this.#leftOut += count
  }

  #tellOf(count: number): void {
    const { origin, log } = this.#options
    log('warn', `PAC ${origin}: ${count} more alerts are not shown`)
  }
}
