/** Cuts a byte stream into lines of bounded length. Chunks are joined only once a line is complete, so slow bytes cost no copying. */
export class LineReader {
  readonly #limit: number
  #parts: Buffer[] = []
  #size = 0

  /** `limit` in bytes, for one line. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The line under way is longer than the limit; what follows is not to be trusted. */
  get overlong(): boolean {
    return this.#size > this.#limit
  }

  /** The lines that this chunk completes, without empty ones. */
  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let start = 0
    for (;;) {
      const end = chunk.indexOf(0x0a, start)
      this.#keep(chunk.subarray(start, end < 0 ? undefined : end))
      if (end < 0 || this.overlong) return lines
      const line = Buffer.concat(this.#parts).toString('utf8').trim()
      this.#parts = []
      this.#size = 0
      if (line !== '') lines.push(line)
      start = end + 1
    }
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return
    this.#size += part.length
    this.#parts.push(part)
    // Thousands of tiny chunks would each cost an object.
    if (this.#parts.length > MAX_PARTS) this.#parts = [Buffer.concat(this.#parts)]
  }
}

const MAX_PARTS = 1024
