import { fieldValues, type RawFields } from './http-fields.ts'

/** How a message body ends (RFC 9112 §6). `until-close` is for responses only. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }

/** What is wrong with a message's framing, in words that end a sentence beginning "the request …". */
export type FramingFault = string

/**
 * Reads the framing of a request. Whatever two readers could read differently is a fault: that is what request smuggling is made of.
 * Node's parser refuses most of it before; this holds what it lets pass and does not depend on the rest.
 */
export function requestFraming(fields: RawFields, httpMinor: number): Framing | FramingFault {
  const encodings = fieldValues(fields, 'transfer-encoding')
  const lengths = fieldValues(fields, 'content-length')
  if (encodings.length > 0) return chunkedOnly(encodings, lengths, httpMinor)
  return lengths.length === 0 ? NONE : oneLength(lengths)
}

/** Reads the framing of a final response to `method`. */
export function responseFraming(
  fields: RawFields,
  httpMinor: number,
  method: string,
  status: number,
): Framing | FramingFault {
  const encodings = fieldValues(fields, 'transfer-encoding')
  const lengths = fieldValues(fields, 'content-length')
  if (encodings.length > 0) {
    const framing = chunkedOnly(encodings, lengths, httpMinor)
    if (typeof framing === 'string') return framing
    if (status === 204) return 'has a Transfer-Encoding on a 204, which has no body'
    return method === 'HEAD' || status === 304 ? NONE : framing
  }
  if (lengths.length > 0) {
    const framing = oneLength(lengths)
    if (typeof framing === 'string') return framing
    // RFC 9110 §8.6 forbids the field on 204, yet `Content-Length: 0` is common and says nothing untrue. 304 may carry the length
    // that a 200 would have had.
    if (status === 204 && framing.kind === 'length' && framing.length > 0) return 'announces a body on a 204'
    return method === 'HEAD' || status === 204 || status === 304 ? NONE : framing
  }
  return method === 'HEAD' || status === 204 || status === 304 ? NONE : { kind: 'until-close' }
}

const NONE: Framing = { kind: 'none' }

function chunkedOnly(encodings: string[], lengths: string[], httpMinor: number): Framing | FramingFault {
  if (lengths.length > 0) return 'has both Transfer-Encoding and Content-Length'
  if (encodings.length > 1) return 'has more than one Transfer-Encoding field'
  if (httpMinor === 0) return 'has a Transfer-Encoding, which HTTP/1.0 does not know'
  if (encodings[0]!.toLowerCase() !== 'chunked') return 'has a Transfer-Encoding other than "chunked"'
  return { kind: 'chunked' }
}

function oneLength(lengths: string[]): Framing | FramingFault {
  if (lengths.length > 1) return 'has more than one Content-Length field'
  const text = lengths[0]!
  if (!/^[0-9]{1,16}$/.test(text)) return 'has a Content-Length that is not a plain decimal number'
  const length = Number(text)
  return Number.isSafeInteger(length) ? { kind: 'length', length } : 'has a Content-Length that is out of range'
}
