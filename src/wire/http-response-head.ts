import {
  connectionOptions,
  endToEndFields,
  fieldValues,
  MAX_FIELDS,
  nominatedForRemoval,
  type RawFields,
  withoutField,
} from './http-fields.ts'
import { type Framing, responseFraming } from './http-framing.ts'
import { viaMember } from './http-via.ts'

/** A response head as the parser read it. */
export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly httpMajor: number
  readonly httpMinor: number
  readonly fields: RawFields
}

/** RFC 9112 §9.3: its sender keeps the connection. Not decided here: whether the end of a body is the connection's. */
export function persists({ httpMajor, httpMinor, fields }: ResponseHead): boolean {
  const options = connectionOptions(fields)
  return httpMajor === 1 && (httpMinor === 0 ? options.includes('keep-alive') : !options.includes('close'))
}

export interface CheckedResponse {
  readonly status: number
  /** Empty where the sender sent none. */
  readonly reason: string
  readonly framing: Framing
  /** What to send on: stripped, with Via, without framing but Content-Length. */
  readonly fields: string[]
}

/** Checks a final response to `method`. A string says what is wrong with it, to end a sentence beginning "its answer …". */
export function checkResponse(head: ResponseHead, method: string, pseudonym: string): CheckedResponse | string {
  if (head.httpMajor !== 1) return `speaks HTTP/${head.httpMajor}.${head.httpMinor}`
  if (head.status < 200 || head.status > 999) return `has the status ${head.status}, which no final answer has`
  const framing = responseFraming(head.fields, head.httpMinor, method, head.status)
  if (typeof framing === 'string') return framing
  const fields = passedOn(head, pseudonym)
  if (typeof fields === 'string') return fields
  const lengthless = head.status === 204 ? withoutField(fields, 'content-length') : fields
  return {
    status: head.status,
    reason: head.reason,
    framing,
    fields: framing.kind === 'chunked' ? lengthless : withoutField(lengthless, 'trailer'),
  }
}

/** The fields of an interim response (1xx), or what is wrong with it. It has no body, so it can have no framing. */
export function checkInterim(head: ResponseHead, pseudonym: string): string[] | string {
  if (head.httpMajor !== 1 || head.httpMinor === 0) return 'is an interim answer in a version of HTTP that has none'
  if (fieldValues(head.fields, 'transfer-encoding').length > 0) return 'has a Transfer-Encoding on an interim answer'
  if (fieldValues(head.fields, 'content-length').length > 0) return 'has a Content-Length on an interim answer'
  return passedOn(head, pseudonym)
}

function passedOn(head: ResponseHead, pseudonym: string): string[] | string {
  if (badReason(head.reason)) return 'has a control character in its status line'
  if (head.fields.length / 2 > MAX_FIELDS) return `has more than ${MAX_FIELDS} fields`
  const options = connectionOptions(head.fields)
  const nominated = nominatedForRemoval(options)
  if (nominated) return `names ${nominated} in its Connection field`
  const fields = endToEndFields(head.fields, options)
  fields.push('Via', viaMember(pseudonym, head.httpMinor))
  return fields
}

/** RFC 9112 §4: tab, blank, visible characters and obs-text. Node's parser lets the rest through here. */
function badReason(reason: string): boolean {
  return /[^\t\x20-\x7e\x80-\xff]/.test(reason)
}
