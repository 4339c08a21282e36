/**
 * `malformed`: what has come is no HTTP/1; `bytes`, where it has not even begun as HTTP, are what has come instead, to guess what it is.
 * `too-large`: a head, a chunk's extensions or trailers beyond their limit. `refused`: well-formed and dangerous; the message ends a sentence
 * beginning "its answer …".
 */
export class ResponseFault extends Error {
  readonly kind: 'malformed' | 'too-large' | 'refused'
  readonly bytes: Buffer | undefined

  constructor(kind: ResponseFault['kind'], message: string, bytes?: Buffer) {
    super(message)
    this.kind = kind
    this.bytes = bytes
  }
}
