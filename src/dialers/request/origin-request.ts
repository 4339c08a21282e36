import { EventEmitter } from 'node:events'
import type { InformationEvent } from 'node:http'
import type { OutgoingRequest, UpstreamRequest } from '../../contracts/request.ts'
import type { RawFields } from '../../wire/http-fields.ts'
import type { Framing } from '../../wire/http-framing.ts'
import { originFormHead, usesChunks } from '../../wire/http-request-bytes.ts'
import { persists, type ResponseHead } from '../../wire/http-response-head.ts'
import { ResponseReader, type ResponseSink } from '../../wire/http-response-reader.ts'
import { OriginAnswer } from './origin-answer.ts'
import type { LineUser, OriginLine } from './origin-line.ts'

const NOTHING = Buffer.alloc(0)

/**
 * One request in origin-form on its line, and its answer. Node's client does the same for four times the CPU: it makes two streams, an agent's
 * bookkeeping and a parser for each. What is read is read as strictly (`ResponseReader`).
 */
export class OriginRequest extends EventEmitter implements UpstreamRequest, LineUser, ResponseSink {
  again?: (signal: AbortSignal) => Promise<UpstreamRequest>
  destroyed = false
  writableEnded = false
  writableFinished = false
  readonly #line: OriginLine
  readonly #reader: ResponseReader
  readonly #freed: (rawHeaders: RawFields) => void
  readonly #isChunked: boolean
  /** Until it has been sent. */
  #head: string | undefined
  #trailers = ''
  /** Of the body, from what is being read. */
  #pieces: Buffer[] = []
  #answer: OriginAnswer | undefined
  #persists = true

  /**
   * `freed`: the exchange is over and the line fit for another. Throws `GatewayError` BAD_REQUEST where the head can't be written; nothing is
   * sent before the caller writes.
   */
  constructor(
    line: OriginLine,
    request: OutgoingRequest,
    maxHeadBytes: number,
    freed: (rawHeaders: RawFields) => void,
  ) {
    super()
    this.#head = originFormHead(request.method, request.path, request.rawHeaders)
    this.#isChunked = usesChunks(request.rawHeaders)
    this.#reader = new ResponseReader(this, request.method, maxHeadBytes)
    this.#freed = freed
    this.#line = line
    line.lend(this)
  }

  flushHeaders(): void {
    if (this.#head === undefined || this.destroyed) return
    const head = this.#head
    this.#head = undefined
    const { conn } = this.#line
    conn.write(head, 'latin1')
    conn.resume()
  }

  write(chunk: Buffer): boolean {
    if (this.destroyed || this.writableEnded || chunk.length === 0) return true
    const { conn } = this.#line
    conn.cork() // the head goes out together with the first chunk
    this.flushHeaders()
    if (this.#isChunked) conn.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    conn.write(chunk)
    if (this.#isChunked) conn.write('\r\n', 'latin1')
    conn.uncork()
    return !conn.writableNeedDrain
  }

  addTrailers(fields: readonly [string, string][]): void {
    for (const [name, value] of fields) this.#trailers += `${name}: ${value}\r\n`
  }

  end(): void {
    if (this.destroyed || this.writableEnded) return
    this.writableEnded = true
    const { conn } = this.#line
    if (this.#isChunked) conn.cork()
    this.flushHeaders()
    if (this.#isChunked) {
      conn.write(`0\r\n${this.#trailers}\r\n`, 'latin1')
      conn.uncork()
    }
    if (conn.writableLength === 0) this.#flushed()
    else conn.write(NOTHING, () => this.#flushed())
  }

  destroy(): void {
    if (this.destroyed) return
    this.#leave()
    this.#line.destroy()
  }

  received(chunk: Buffer): void {
    let surplus = 0
    try {
      if (this.#head !== undefined) throw new Error('an answer before the question')
      surplus = this.#reader.push(chunk)
    } catch (fault) {
      this.#deliver()
      this.#fail(fault as Error)
      return
    }
    this.#deliver()
    if (surplus > 0) this.#persists = false // an answer to a question that nobody has asked
    this.#freeIfOver()
  }

  ended(): void {
    this.#persists = false
    if (this.#reader.finish()) this.#freeIfOver()
    else this.#fail(new Error('the connection was ended'))
  }

  drained(): void {
    this.emit('drain')
  }

  broken(error: Error): void {
    this.#fail(error)
  }

  interim(head: ResponseHead): void {
    if (head.status === 101) {
      this.destroy()
      this.emit('close')
      return
    }
    if (!persists(head)) this.#persists = false
    this.emit('information', informationOf(head))
  }

  head(head: ResponseHead, framing: Framing): void {
    if (!persists(head)) this.#persists = false
    if (framing.kind === 'until-close') this.#persists = false
    this.#answer = new OriginAnswer(head, this.#line.conn)
    this.emit('response', this.#answer)
  }

  data(chunk: Buffer): void {
    this.#pieces.push(chunk)
  }

  over(trailers: RawFields): void {
    this.#deliver()
    const answer = this.#answer!
    answer.rawTrailers = trailers
    answer.complete = true
    answer.emit('end')
  }

  /** In one piece what came in one read: an origin can send ten thousand chunks in it, and each costs its receiver far more than its bytes. */
  #deliver(): void {
    const pieces = this.#pieces
    if (pieces.length === 0) return
    this.#pieces = []
    this.#answer!.emit('data', pieces.length === 1 ? pieces[0] : Buffer.concat(pieces))
  }

  /** All that was to be sent has been handed to the system. */
  #flushed(): void {
    if (this.destroyed) return
    this.writableFinished = true
    this.emit('finish')
    this.#freeIfOver()
  }

  #freeIfOver(): void {
    if (this.destroyed || !this.#answer?.complete || !this.writableFinished) return
    this.#leave()
    if (this.#persists) this.#freed(this.#answer.rawHeaders)
    else this.#line.destroy()
  }

  /** Before the answer, and in its middle. */
  #fail(error: Error): void {
    if (this.destroyed) return
    // The origin has had the request (RFC 9110 §9.2.2): what it answered was bad, not the connection.
    if (this.#reader.begun) delete this.again
    this.destroy()
    if (this.listenerCount('error') > 0) this.emit('error', error)
    this.#answer?.emit('close')
  }

  #leave(): void {
    this.destroyed = true
    this.#reader.stop()
    this.#line.giveBack()
    if (this.#answer) this.#answer.source = undefined
  }
}

function informationOf({ status, reason, httpMajor, httpMinor, fields }: ResponseHead): InformationEvent {
  return {
    statusCode: status,
    statusMessage: reason,
    httpVersion: `${httpMajor}.${httpMinor}`,
    httpVersionMajor: httpMajor,
    httpVersionMinor: httpMinor,
    headers: {},
    rawHeaders: fields as string[],
  }
}
