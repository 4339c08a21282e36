/** Why the files stay as they are. The message names file, line and column where there are any. */
export class DockerSetupError extends Error {
  override readonly name = 'DockerSetupError'
  /** What a person can do. One sentence. */
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.hint = hint
  }
}

/** It is another user's to read. The other file is not concerned. */
export class NotPermittedError extends DockerSetupError {}
