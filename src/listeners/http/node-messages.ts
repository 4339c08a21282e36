import type http from 'node:http'
import type { UpstreamAnswer } from '../../contracts/request.ts'
import type { RawFields } from '../../wire/http-fields.ts'
import type { ResponseHead } from '../../wire/http-response-head.ts'

/** Node's types have no flat list for trailers; a list of pairs is what it documents. */
export function pairs(fields: RawFields): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < fields.length; i += 2) list.push([fields[i]!, fields[i + 1]!])
  return list
}

type MessageHead = Pick<
  UpstreamAnswer,
  'statusCode' | 'statusMessage' | 'httpVersionMajor' | 'httpVersionMinor' | 'rawHeaders'
>

/** The head of a response, final or interim, as the parser read it. */
export function responseHeadOf(message: MessageHead): ResponseHead {
  return {
    status: message.statusCode ?? 0,
    reason: message.statusMessage ?? '',
    httpMajor: message.httpVersionMajor,
    httpMinor: message.httpVersionMinor,
    fields: message.rawHeaders,
  }
}

/** Node writes 100, 102 and 103 only, and 103 only with Link; the others must pass too. */
export function interimBytes(info: http.InformationEvent, fields: RawFields): Buffer {
  let head = `HTTP/1.1 ${info.statusCode} ${info.statusMessage}\r\n`
  for (let i = 0; i < fields.length; i += 2) head += `${fields[i]}: ${fields[i + 1]}\r\n`
  return Buffer.from(`${head}\r\n`, 'latin1')
}
