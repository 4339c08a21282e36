import type { DoorAuth } from '../../contracts/door.ts'
import { GatewayError } from '../../contracts/gateway-error.ts'
import { fieldValues, type RawFields } from '../../wire/http-fields.ts'

export type ParseBasicCredentials = (
  value: string,
) => { readonly username: string; readonly password: string } | undefined

/** The client's user name, `undefined` where the door asks for none; throws AUTH_REQUIRED. */
export function authenticate(
  fields: RawFields,
  auth: DoorAuth | undefined,
  parse: ParseBasicCredentials,
): string | undefined {
  if (!auth) return undefined
  const values = fieldValues(fields, 'proxy-authorization')
  if (values.length === 0) throw required('this proxy asks for a user name and password')
  if (values.length > 1) throw required('the request has more than one Proxy-Authorization field')
  const credentials = parse(values[0]!)
  if (!credentials) throw required('the credentials are not in the form of Basic authentication')
  if (!auth.verify(credentials.username, credentials.password)) throw required('the user name or password is wrong')
  return credentials.username
}

function required(message: string): GatewayError {
  return new GatewayError('AUTH_REQUIRED', message, {
    hint: 'Put them into the proxy URL: http://user:password@host:port, with special characters percent-encoded.',
  })
}
