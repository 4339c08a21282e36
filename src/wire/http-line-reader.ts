import { ResponseFault } from './http-response-fault.ts'

const LF = 0x0a
const CR = 0x0d

/** Lines that end in CRLF, out of chunks of bytes that may end anywhere; as Latin-1, one character a byte. */
export class LineReader {
  readonly #maxBytes: number
  #held = ''
  #at = 0

  /** A longer line throws `too-large`, whether or not its end has come. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Where in the chunk the line that was read last has ended. */
  get at(): number {
    return this.#at
  }

  /** The beginning of a line whose end has not come. */
  get held(): string {
    return this.#held
  }

  /** The next line, without its CRLF; `undefined`, and all of the chunk is taken, where its end has not come. Throws `ResponseFault`. */
  next(chunk: Buffer, from: number): string | undefined {
    const end = chunk.indexOf(LF, from)
    this.#at = end < 0 ? chunk.length : end + 1
    const piece = chunk.toString('latin1', from, end < 0 ? chunk.length : end)
    const line = this.#held === '' ? piece : this.#held + piece
    if (line.length > this.#maxBytes) throw new ResponseFault('too-large', 'Header overflow')
    if (end < 0) {
      this.#held = line
      return undefined
    }
    this.#held = ''
    if (line.charCodeAt(line.length - 1) !== CR) throw new ResponseFault('malformed', 'Line that ends in LF without CR')
    return line.slice(0, -1)
  }
}
