import { GatewayError, toGatewayError } from '../contracts/gateway-error.ts'
import { clean } from './script-failure.ts'

const REACH = 'Check `proxy.pac`, and that its host is reachable without the proxy it configures.'
const CLEAR = 'Perhaps it speaks plain HTTP: then its URL begins with http://.'
const TRUST = "Add the issuer's certificate (PEM) to trust.ca in the settings, or to the trust store of this machine."
const TLS =
  'The PAC server and Fairlead found no common TLS version or cipher, or the server wants a client certificate, which Fairlead has none of.'

/** OpenSSL's and Node's names for a chain that ends at nobody who is trusted. */
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
])

/** Why a script could not be fetched from there, in words that say what to do. */
export function fetchFailure(url: URL, error: unknown): GatewayError {
  if (error instanceof GatewayError) return error.code === 'PAC_FAILED' ? error : wayFailed(url, error)
  const cause = error instanceof Error && error.name === 'AbortError' ? (error.cause ?? error) : error
  if (cause instanceof GatewayError) return fetchFailure(url, cause)
  const { reason, hint } = explain(cause)
  return new GatewayError('PAC_FAILED', `cannot fetch the PAC script from ${url.host}: ${reason}`, {
    cause: error,
    hint,
  })
}

/** No way to the server came about: whoever reads it must know what the way was for. */
function wayFailed(url: URL, error: GatewayError): GatewayError {
  if (error.code === 'SHUTTING_DOWN') return error
  return new GatewayError('PAC_FAILED', `cannot fetch the PAC script from ${url.host}: ${error.message}`, {
    cause: error,
    hint: error.hint ?? 'Its host must be reachable directly, or through `pac.via`.',
    ...(error.hop ? { hop: error.hop } : {}),
  })
}

function explain(cause: unknown): { readonly reason: string; readonly hint: string } {
  if (!(cause instanceof Error)) return { reason: toGatewayError(cause).message, hint: REACH }
  const message = clean(cause.message).trim()
  if (UNTRUSTED.has((cause as NodeJS.ErrnoException).code)) return { reason: message, hint: TRUST }
  // OpenSSL's own text has its numbers, files and lines around what it says.
  const said = /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1]
  if (said === undefined) return { reason: message, hint: REACH }
  const clear = said === 'wrong version number' || said === 'packet length too long'
  return clear
    ? { reason: 'it does not speak TLS', hint: CLEAR }
    : { reason: `the TLS handshake failed: ${said}`, hint: TLS }
}
