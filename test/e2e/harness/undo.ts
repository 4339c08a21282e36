type Step = { readonly name: string; readonly run: () => void | Promise<void> }

/**
 * What has been set up and must be taken down. Steps run in reverse order, each of them even when others fail; a step that fails is
 * reported at the end, so that one stuck process does not leave a namespace behind.
 */
export class UndoStack {
  readonly #steps: Step[] = []

  push(name: string, run: Step['run']): void {
    this.#steps.push({ name, run })
  }

  async run(): Promise<void> {
    const failed: string[] = []
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step.run()
      } catch (error) {
        failed.push(`${step.name}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    if (failed.length > 0) throw new Error(`could not undo:\n  ${failed.join('\n  ')}`)
  }
}
