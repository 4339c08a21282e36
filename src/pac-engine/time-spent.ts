import type { Clock } from '../contracts/clock.ts'
import { GatewayError } from '../contracts/gateway-error.ts'

/** A lookup's wait for its turn, by `clock.monotonic()`. */
export interface LookupTurn {
  queued: number
  started: number
}

/** What an evaluation is at: waits for the script, has been given to its threads, or waits for names. */
type Stage = 'script' | 'threads' | 'names'

/** Of all its time, what others may have had before an evaluation is held to be late for their sake. */
const OTHERS_PART = 0.1

/** What an evaluation has waited for until now. Times are by `clock.monotonic()`. */
export class TimeSpent {
  readonly began: number
  readonly #clock: Clock
  #stage: Stage = 'script'
  #since: number
  /** From when it was seen running, in its present stage. */
  runsSince: number | undefined
  /** Of the names that it waits for, in its present stage. */
  turns: LookupTurn[] = []
  /** In the stages before. */
  #script = 0
  #thread = 0
  #running = 0
  #turn = 0
  #names = 0

  constructor(clock: Clock, now: number) {
    this.#clock = clock
    this.began = now
    this.#since = now
  }

  enter(stage: Stage): void {
    this.#count()
    this.#stage = stage
    this.runsSince = undefined
    if (this.turns.length > 0) this.turns = []
  }

  /**
   * What somebody is told who has given up, for this reason. A script that has not decided in its time has failed, but not where the time went by behind others: `onPacFailure: direct`
   * must not open a way to whoever can make them wait.
   */
  whenGivenUp(reason: unknown): unknown {
    if (!(reason instanceof GatewayError) || reason.code !== 'PAC_FAILED') return reason
    const now = this.#count()
    const behind = Math.max(this.#thread, this.#turn)
    if (this.#thread + this.#turn > OTHERS_PART * (now - this.began)) {
      const [what, hint] = behind === this.#thread ? BEHIND_DECISIONS : BEHIND_NAMES
      return new GatewayError('LIMIT_REACHED', `${reason.message}; ${what}`, { hint })
    }
    const own = Math.max(this.#script, this.#running, this.#names)
    const [what, hint] = own === this.#names ? NAMES : own === this.#running ? RUNNING : SCRIPT
    return new GatewayError('PAC_FAILED', `${reason.message}; ${what}`, { hint })
  }

  #count(): number {
    const now = this.#clock.monotonic()
    const spent = now - this.#since
    if (this.#stage === 'script') this.#script += spent
    else if (this.#stage === 'threads') {
      const running = this.runsSince === undefined ? 0 : now - Math.max(this.runsSince, this.#since)
      this.#running += running
      this.#thread += spent - running
    } else {
      let turn = 0
      for (const { queued, started } of this.turns) {
        turn = Math.max(turn, Math.min(started, now) - Math.max(queued, this.#since))
      }
      this.#turn += turn
      this.#names += spent - turn
    }
    this.#since = now
    return now
  }
}

const BEHIND_DECISIONS = [
  'it waited behind other decisions',
  'More are asked for than the script can decide in that time.',
] as const
const BEHIND_NAMES = [
  'a name that it asks for waited behind others that take long to resolve',
  'The DNS servers of this machine are slow or gone.',
] as const
const NAMES = [
  'it waited for names that do not resolve, or slowly',
  'Decide by name with dnsDomainIs or shExpMatch where it is possible.',
] as const
const RUNNING = [
  'it was running',
  'Look for a loop that does not end, or a regular expression that backtracks.',
] as const
const SCRIPT = [
  'the script has not been read and loaded',
  'Its server has not answered so far, or names that its global code asks for.',
] as const
