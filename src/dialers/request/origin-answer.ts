import { EventEmitter } from 'node:events'
import type { UpstreamAnswer } from '../../contracts/request.ts'
import type { RawFields } from '../../wire/http-fields.ts'
import type { ResponseHead } from '../../wire/http-response-head.ts'

/** An answer that a `ResponseReader` reads. */
export class OriginAnswer extends EventEmitter implements UpstreamAnswer {
  readonly statusCode: number
  readonly statusMessage: string
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly rawHeaders: readonly string[]
  rawTrailers: RawFields = []
  complete = false
  /** What it comes from. Undefined once that is somebody else's. */
  source: { pause(): unknown; resume(): unknown } | undefined

  constructor(head: ResponseHead, source: { pause(): unknown; resume(): unknown }) {
    super()
    this.statusCode = head.status
    this.statusMessage = head.reason
    this.httpVersionMajor = head.httpMajor
    this.httpVersionMinor = head.httpMinor
    this.rawHeaders = head.fields
    this.source = source
  }

  pause(): void {
    this.source?.pause()
  }

  resume(): void {
    this.source?.resume()
  }
}
