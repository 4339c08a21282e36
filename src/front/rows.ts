/** Which rows of the shared tables are in use; those given back are the first to be used again, so that as few as can be are ever touched. */
export class Rows {
  readonly #most: number
  readonly #free: number[] = []
  readonly #late: number[] = []
  #used = 0

  constructor(most: number) {
    this.#most = most
  }

  /** `undefined`: there is none left. */
  take(): number | undefined {
    return this.#free.pop() ?? (this.#used < this.#most ? this.#used++ : undefined)
  }

  /** `later`: with the next `told`. */
  give(row: number, later = false): void {
    const rows = later ? this.#late : this.#free
    rows.push(row)
  }

  /** What has been kept back is free, once `leave` has seen it. */
  told(leave: (row: number) => void): void {
    // All of them first, which takes no memory: a thread that runs out of it must not leave behind what others have been given.
    for (const row of this.#late) leave(row)
    for (const row of this.#late) this.#free.push(row)
    this.#late.length = 0
  }
}
