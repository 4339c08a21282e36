import type { BodyReader } from './http-body-reader.ts'
import { MAX_FIELDS, type RawFields } from './http-fields.ts'
import { LineReader } from './http-line-reader.ts'
import { ResponseFault } from './http-response-fault.ts'
import { fieldOf } from './http-response-lines.ts'

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+"
const QUOTED = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"'
/** RFC 9112 §7.1: a hexadecimal size, and extensions that nobody has to understand. No character can be read in two ways, so it is linear. */
const SIZE_LINE = new RegExp(`^([0-9A-Fa-f]+)(?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*$`)
/** Hexadecimal digits of a size, leading zeros included: 64 bits, as others have it. */
const MAX_SIZE_DIGITS = 16
/** Bytes of all size lines of one body beyond their digits, as Node has it: extensions are overhead that a sender can make endless. */
const MAX_EXTENSION_BYTES = 16 * 1024

/** The chunked coding, strictly: lines end in CRLF, and a chunk is exactly as long as it says. */
export class ChunkedBody implements BodyReader {
  readonly endsWithStream = false
  readonly #lines: LineReader
  readonly #fields: string[] = []
  #state: 'size' | 'data' | 'data-end' | 'trailers' | 'over' = 'size'
  /** Of the chunk. */
  #left = 0
  #extensionBudget = MAX_EXTENSION_BYTES
  #trailerBudget: number

  constructor(maxTrailerBytes: number) {
    this.#lines = new LineReader(maxTrailerBytes)
    this.#trailerBudget = maxTrailerBytes
  }

  get trailers(): RawFields | undefined {
    return this.#state === 'over' ? this.#fields : undefined
  }

  read(chunk: Buffer, from: number, sink: { data(piece: Buffer): void }): number {
    if (this.#state === 'data') return this.#readData(chunk, from, sink)
    const line = this.#lines.next(chunk, from)
    if (line !== undefined) this.#takeLine(line)
    // Two bytes end a chunk and nothing else, so a wrong one need not wait for a line to end.
    else if (this.#state === 'data-end' && this.#lines.held !== '\r') throw misplaced()
    return this.#lines.at
  }

  #readData(chunk: Buffer, from: number, sink: { data(piece: Buffer): void }): number {
    const end = Math.min(chunk.length, from + this.#left)
    this.#left -= end - from
    if (this.#left === 0) this.#state = 'data-end'
    sink.data(chunk.subarray(from, end))
    return end
  }

  #takeLine(line: string): void {
    if (this.#state === 'size') this.#beginChunk(line)
    else if (this.#state === 'data-end') {
      if (line !== '') throw misplaced()
      this.#state = 'size'
    } else if (line === '') this.#state = 'over'
    else {
      this.#trailerBudget -= line.length
      if (this.#trailerBudget < 0 || this.#fields.length / 2 >= MAX_FIELDS) {
        throw new ResponseFault('too-large', 'Trailer overflow')
      }
      // Behind the body nothing can say where it ends.
      if (/^(?:content-length|transfer-encoding):/i.test(line)) {
        throw new ResponseFault('malformed', 'Framing in a trailer')
      }
      fieldOf(line, this.#fields)
    }
  }

  #beginChunk(line: string): void {
    const digits = SIZE_LINE.exec(line)?.[1]
    if (digits === undefined) throw new ResponseFault('malformed', 'Invalid character in chunk size')
    const size = Number.parseInt(digits, 16)
    if (digits.length > MAX_SIZE_DIGITS || !Number.isSafeInteger(size)) {
      throw new ResponseFault('malformed', 'Chunk size overflow')
    }
    this.#extensionBudget -= line.length - digits.length
    if (this.#extensionBudget < 0) throw new ResponseFault('too-large', 'Chunk extensions overflow')
    this.#left = size
    this.#state = this.#left === 0 ? 'trailers' : 'data'
  }
}

function misplaced(): ResponseFault {
  return new ResponseFault('malformed', 'Expected LF after chunk data')
}
