import { GatewayError } from '../contracts/gateway-error.ts'
import { fieldValues, type RawFields } from './http-fields.ts'

/** What would end a request line, or divide it (RFC 9112 §3). */
const NOT_IN_TARGET = /[^\x21-\x7e\x80-\xff]/
/** What would end a field (RFC 9110 §5.5). */
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * The head of a request in origin-form, as Latin-1, on a connection that is to persist. Method and names come from a parser that takes nothing
 * but tokens; target and values are looked at again, for whatever could end a line would be a request of its own. Throws BAD_REQUEST.
 */
export function originFormHead(method: string, path: string, fields: RawFields): string {
  if (NOT_IN_TARGET.test(path)) throw unwritable('its request-target')
  let head = `${method} ${path} HTTP/1.1\r\n`
  let hasConnection = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    const value = fields[i + 1]!
    if (NOT_IN_VALUE.test(value)) throw unwritable(`the field ${name}`)
    if (name.length === 10 && name.toLowerCase() === 'connection') hasConnection = true
    head += `${name}: ${value}\r\n`
  }
  return hasConnection ? `${head}\r\n` : `${head}Connection: keep-alive\r\n\r\n`
}

/** Whether the body of a request with these fields goes out in chunks. They have been checked: no other coding is there. */
export function usesChunks(fields: RawFields): boolean {
  return fieldValues(fields, 'transfer-encoding').length > 0
}

function unwritable(what: string): GatewayError {
  return new GatewayError('BAD_REQUEST', `the request cannot be passed on: ${what} has a character that ends it`)
}
