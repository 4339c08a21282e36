import { type BodyReader, bodyReader } from './http-body-reader.ts'
import { MAX_FIELDS, type RawFields } from './http-fields.ts'
import { type Framing, responseFraming } from './http-framing.ts'
import { LineReader } from './http-line-reader.ts'
import { ResponseFault } from './http-response-fault.ts'
import type { ResponseHead } from './http-response-head.ts'
import { fieldOf, readStatusLine } from './http-response-lines.ts'

/** Who hears of a response as it is read. None of them throws. */
export interface ResponseSink {
  interim(head: ResponseHead): void
  /** The final head. Data and the end follow. */
  head(head: ResponseHead, framing: Framing): void
  data(chunk: Buffer): void
  over(trailers: RawFields): void
}

const NO_FIELDS: RawFields = []
const CR = 0x0d
const LF = 0x0a
const H = 0x48

/**
 * Reads one response to a request, interim ones before it included, incrementally and strictly (RFC 9112): CRLF only, no folded lines, no
 * control characters, no blank before a colon, one framing. Where two readers could differ it throws `ResponseFault`, and is then of no more use.
 */
export class ResponseReader {
  readonly #sink: ResponseSink
  readonly #method: string
  readonly #maxHeadBytes: number
  readonly #lines: LineReader
  #status: Omit<ResponseHead, 'fields'> | undefined
  #fields: string[] = []
  /** Bytes that this head may still have. */
  #budget: number
  #body: BodyReader | undefined
  #isOver = false
  #begun = false

  /** `maxHeadBytes`: of each head and of the trailers, without line ends. */
  constructor(sink: ResponseSink, method: string, maxHeadBytes: number) {
    this.#sink = sink
    this.#method = method
    this.#maxHeadBytes = maxHeadBytes
    this.#budget = maxHeadBytes
    this.#lines = new LineReader(maxHeadBytes)
  }

  /** The response has ended, or nobody wants the rest: nothing more is read. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Any byte of it has come. */
  get begun(): boolean {
    return this.#begun
  }

  stop(): void {
    this.#isOver = true
  }

  /** Answers how many bytes of the chunk lie behind the end of the response; throws `ResponseFault`. */
  push(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length && !this.#isOver) {
      at = this.#body ? this.#readBody(this.#body, chunk, at) : this.#readHead(chunk, at)
    }
    return chunk.length - at
  }

  /** The sender has ended its stream. False where the response is incomplete. */
  finish(): boolean {
    if (!this.#isOver && this.#body?.endsWithStream) this.#end(NO_FIELDS)
    return this.#isOver
  }

  #readBody(body: BodyReader, chunk: Buffer, from: number): number {
    const at = body.read(chunk, from, this.#sink)
    if (body.trailers && !this.#isOver) this.#end(body.trailers)
    return at
  }

  #readHead(chunk: Buffer, from: number): number {
    let at = from
    // Some servers send one empty line too many behind the answer before.
    if (!this.#begun)
      while (at < chunk.length && (chunk[at] === CR || chunk[at] === LF)) {
        this.#spend(1)
        at++
      }
    if (!this.#begun && at < chunk.length) {
      this.#begun = true
      // Before a line is looked for: what speaks another protocol may never send one.
      if (chunk[at] !== H) throw new ResponseFault('malformed', 'Expected HTTP/', chunk.subarray(at))
    }
    while (at < chunk.length && !this.#body && !this.#isOver) {
      const line = this.#lines.next(chunk, at)
      at = this.#lines.at
      if (line === undefined) this.#checkBeginning()
      else this.#takeLine(line)
    }
    return at
  }

  #checkBeginning(): void {
    if (this.#status) return
    const begins = this.#lines.held.slice(0, 5)
    if (begins !== 'HTTP/'.slice(0, begins.length)) throw new ResponseFault('malformed', 'Expected HTTP/')
  }

  #takeLine(line: string): void {
    this.#spend(line.length)
    if (!this.#status) this.#status = readStatusLine(line)
    else if (line === '') this.#endOfHead(this.#status)
    else {
      // As a class of fault of its own, for its words are the door's as well.
      if (this.#fields.length / 2 >= MAX_FIELDS)
        throw new ResponseFault('refused', `has more than ${MAX_FIELDS} fields`)
      fieldOf(line, this.#fields)
    }
  }

  #endOfHead(status: Omit<ResponseHead, 'fields'>): void {
    const head: ResponseHead = { ...status, fields: this.#fields }
    this.#status = undefined
    this.#fields = []
    this.#budget = this.#maxHeadBytes
    if (head.status >= 100 && head.status < 200) {
      this.#sink.interim(head)
      return
    }
    const framing = responseFraming(head.fields, head.httpMinor, this.#method, head.status)
    if (typeof framing === 'string') throw new ResponseFault('refused', framing)
    this.#body = bodyReader(framing, this.#maxHeadBytes)
    this.#sink.head(head, framing)
    if (this.#body.trailers && !this.#isOver) this.#end(NO_FIELDS)
  }

  #end(trailers: RawFields): void {
    this.#isOver = true
    this.#sink.over(trailers)
  }

  #spend(bytes: number): void {
    this.#budget -= bytes
    if (this.#budget < 0) throw new ResponseFault('too-large', 'Header overflow')
  }
}
