import type http from 'node:http'
import type { RequestHead } from '../../wire/http-request-head.ts'

/** The head as the parser read it. */
export function headOf(request: http.IncomingMessage): RequestHead {
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    httpMajor: request.httpVersionMajor,
    httpMinor: request.httpVersionMinor,
    fields: request.rawHeaders,
  }
}
