import { ChunkedBody } from './http-chunked-body.ts'
import type { RawFields } from './http-fields.ts'
import type { Framing } from './http-framing.ts'

/** Reads the body of one message out of chunks of bytes that may end anywhere. */
export interface BodyReader {
  /** Set once the body has ended: what came behind it, if anything. */
  readonly trailers: RawFields | undefined
  /** It has no other end than the stream's. */
  readonly endsWithStream: boolean
  /** Takes one piece from `from` on and answers where it ends; throws `ResponseFault`. */
  read(chunk: Buffer, from: number, sink: { data(piece: Buffer): void }): number
}

/** `maxTrailerBytes`: of trailers, and of the extensions of one chunk. */
export function bodyReader(framing: Framing, maxTrailerBytes: number): BodyReader {
  switch (framing.kind) {
    case 'none':
      return new SizedBody(0)
    case 'length':
      return new SizedBody(framing.length)
    case 'until-close':
      return untilClose
    case 'chunked':
      return new ChunkedBody(maxTrailerBytes)
  }
}

const NO_FIELDS: RawFields = []

class SizedBody implements BodyReader {
  readonly endsWithStream = false
  #left: number

  constructor(length: number) {
    this.#left = length
  }

  get trailers(): RawFields | undefined {
    return this.#left === 0 ? NO_FIELDS : undefined
  }

  read(chunk: Buffer, from: number, sink: { data(piece: Buffer): void }): number {
    const end = Math.min(chunk.length, from + this.#left)
    this.#left -= end - from
    sink.data(from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end))
    return end
  }
}

const untilClose: BodyReader = {
  trailers: undefined,
  endsWithStream: true,
  read(chunk, from, sink) {
    sink.data(from === 0 ? chunk : chunk.subarray(from))
    return chunk.length
  },
}
