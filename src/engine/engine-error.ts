/** What went wrong in talking to an engine; the message is fit for a log. Stays inside `engine/`. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
  /** Nobody serves there, or does any more; not merely slow, busy or unwilling. */
  readonly hasGone: boolean
  /** Where it listens there is no socket. */
  readonly isMissing: boolean

  constructor(message: string, { hasGone = false, isMissing = false } = {}) {
    super(message)
    this.hasGone = hasGone
    this.isMissing = isMissing
  }
}
