import { toGatewayError } from '../contracts/gateway-error.ts'

/** Tasks one after the other, in the order in which they come, whether one fails or not. */
export class InTurn {
  readonly #warn: (message: string) => void
  #last: Promise<void> = Promise.resolve()

  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  run<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#last.then(task)
    this.#last = done.then(
      () => {},
      () => {},
    )
    return done
  }

  /** What nobody waits for; a failure is worth a warning. */
  inBackground(task: () => Promise<void>): void {
    this.run(task).catch((thrown: unknown) => this.#warn(toGatewayError(thrown).message))
  }
}
