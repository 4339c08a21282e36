/** Which rows of the shared tables are in use; those given back are the first to be used again, so that as few as can be are ever touched. */
export class Rows {
  readonly #most: number
  readonly #free: number[] = []
  #used = 0

  constructor(most: number) {
    this.#most = most
  }

  /** `undefined`: there is none left. */
  take(): number | undefined {
    return this.#free.pop() ?? (this.#used < this.#most ? this.#used++ : undefined)
  }

  give(row: number): void {
    this.#free.push(row)
  }
}
