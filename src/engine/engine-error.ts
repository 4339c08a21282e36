/** What went wrong in talking to an engine; the message is fit for a log. Stays inside `engine/`. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
}
