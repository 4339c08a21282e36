/** Digests kept: 64 KiB. */
const PLACES = 16_384

/** Which digests were here of late: each until another one meets its place. */
export class SeenBefore {
  readonly #digests = new Int32Array(PLACES)

  /** Whether it was. And notes it. */
  note(digest: number): boolean {
    const place = digest & (PLACES - 1)
    const seen = this.#digests[place] === digest
    this.#digests[place] = digest
    return seen
  }

  clear(): void {
    this.#digests.fill(0)
  }
}
