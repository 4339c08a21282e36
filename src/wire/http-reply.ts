import type { ErrorCode, FailedHop, GatewayError } from '../contracts/gateway-error.ts'
import { cleanText } from './clean-text.ts'
import { describeHop } from './upstream-url.ts'

/** A GatewayError in the form of HTTP: for the status line, for programs (Proxy-Status, JSON) and for people (text). */
export interface HttpReply {
  readonly status: number
  /** ASCII, one line, at most 120 characters: docker and curl show nothing else of a refused CONNECT. */
  readonly reason: string
  readonly fields: readonly string[]
  readonly body: string
}

export interface HttpReplyOptions {
  /** What was asked for, for people: `CONNECT registry.example:443`. */
  readonly asked?: string
  readonly flowId?: string
  /** The value of the client's Accept field. */
  readonly accept?: string | undefined
  /** Where the status is finer than the code: 408, 417 and 431 are all BAD_REQUEST. */
  readonly status?: number
}

/** RFC 9112 sets no limit; this is what a terminal line and every client's buffer hold. */
const MAX_REASON_CHARACTERS = 120
const MAX_DETAILS_CHARACTERS = 200

export function httpReply(error: GatewayError, options: HttpReplyOptions = {}): HttpReply {
  const status = options.status ?? statusOf(error.code)
  const json = /\bapplication\/(?:[a-z.]+\+)?json\b/i.test(options.accept ?? '')
  const body = json ? jsonBody(error, status, options) : textBody(error, options)
  const fields = [
    'Content-Type',
    json ? 'application/json' : 'text/plain; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'Proxy-Status',
    proxyStatus(error),
  ]
  if (error.code === 'AUTH_REQUIRED') fields.push('Proxy-Authenticate', 'Basic realm="Fairlead", charset="UTF-8"')
  return { status, reason: reasonOf(error, status), fields, body }
}

/** The status a client is told for each way to fail. Exhaustive: a new code does not compile until it has its status. */
export function statusOf(code: ErrorCode): number {
  switch (code) {
    case 'BAD_REQUEST':
    case 'CLIENT_GONE': // nobody is left to read it
      return 400
    case 'POLICY_REJECTED':
    case 'ACCESS_DENIED':
      return 403
    case 'AUTH_REQUIRED':
      return 407
    case 'INTERNAL':
      return 500
    case 'COMMAND_NOT_SUPPORTED':
      return 501
    case 'RESOLVE_FAILED':
    case 'CONNECT_REFUSED':
    case 'HOST_UNREACHABLE':
    case 'NETWORK_UNREACHABLE':
    case 'CONNECT_RESET':
    case 'CONNECT_FAILED':
    case 'PROXY_AUTH_FAILED':
    case 'PROXY_REFUSED':
    case 'PROXY_PROTOCOL_ERROR':
    case 'ADDRESS_TYPE_NOT_SUPPORTED':
    case 'TLS_FAILED':
    case 'UPSTREAM_PROTOCOL_ERROR':
      return 502
    case 'PAC_FAILED':
    case 'LIMIT_REACHED':
    case 'SHUTTING_DOWN':
      return 503
    case 'CONNECT_TIMEOUT':
    case 'UPSTREAM_TIMEOUT':
      return 504
    case 'LOOP_DETECTED':
      return 508
  }
}

/** The error types of RFC 9209 §2.3, for Proxy-Status. */
export function proxyErrorType(code: ErrorCode): string {
  switch (code) {
    case 'BAD_REQUEST':
    case 'CLIENT_GONE':
    case 'COMMAND_NOT_SUPPORTED':
      return 'http_request_error'
    case 'AUTH_REQUIRED':
    case 'POLICY_REJECTED':
      return 'http_request_denied'
    case 'ACCESS_DENIED':
      return 'destination_ip_prohibited'
    case 'LOOP_DETECTED':
      return 'proxy_loop_detected'
    case 'PAC_FAILED':
    case 'PROXY_AUTH_FAILED':
      return 'proxy_configuration_error'
    case 'RESOLVE_FAILED':
      return 'dns_error'
    case 'CONNECT_REFUSED':
      return 'connection_refused'
    case 'HOST_UNREACHABLE':
    case 'NETWORK_UNREACHABLE':
      return 'destination_ip_unroutable'
    case 'CONNECT_TIMEOUT':
      return 'connection_timeout'
    case 'CONNECT_RESET':
      return 'connection_terminated'
    case 'CONNECT_FAILED':
    case 'PROXY_REFUSED':
    case 'ADDRESS_TYPE_NOT_SUPPORTED':
    case 'SHUTTING_DOWN':
      return 'destination_unavailable'
    case 'PROXY_PROTOCOL_ERROR':
    case 'UPSTREAM_PROTOCOL_ERROR':
      return 'http_protocol_error'
    case 'TLS_FAILED':
      return 'tls_protocol_error'
    case 'UPSTREAM_TIMEOUT':
      return 'http_response_timeout'
    case 'LIMIT_REACHED':
      return 'connection_limit_reached'
    case 'INTERNAL':
      return 'proxy_internal_error'
  }
}

/** Client faults keep the standard phrase in front; for the others the message itself is what the reader needs. */
function reasonOf(error: GatewayError, status: number): string {
  if (error.code === 'AUTH_REQUIRED') return 'Proxy Authentication Required'
  const said = error.said === undefined || error.message.includes(error.said) ? '' : ` (${error.said})`
  return cleanText(`${error.message}${said}`, MAX_REASON_CHARACTERS) || `Error ${status}`
}

function proxyStatus(error: GatewayError): string {
  const hop = error.hop ? `; next-hop=${structuredString(nameHop(error.hop))}` : ''
  const details = structuredString(cleanText(error.message, MAX_DETAILS_CHARACTERS))
  return `fairlead; error=${proxyErrorType(error.code)}${hop}; details=${details}`
}

/** RFC 8941 §3.3.3. */
function structuredString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

function nameHop(hop: FailedHop): string {
  const authority = `${hop.host.includes(':') ? `[${hop.host}]` : hop.host}:${hop.port}`
  if (hop.kind === 'target') return authority
  return `${hop.kind}://${authority}`
}

function textBody(error: GatewayError, options: HttpReplyOptions): string {
  const lines = [`Fairlead: ${error.message}`, '']
  const say = (label: string, text: string | undefined) => {
    if (text !== undefined) lines.push(`${`${label}:`.padEnd(8)}${text}`)
  }
  say('asked', options.asked)
  say('hop', error.hop && nameHop(error.hop))
  say('said', error.said)
  // A single attempt is what the first line tells of.
  if (error.attempts.length > 1) {
    for (const { candidate, error: failed } of error.attempts) {
      say('tried', `${nameWay(candidate.hops)}: ${failed.message}`)
    }
  }
  say('try', error.hint)
  say('code', error.code)
  say('flow', options.flowId)
  return `${lines.join('\n')}\n`
}

function jsonBody(error: GatewayError, status: number, options: HttpReplyOptions): string {
  return `${JSON.stringify({
    error: {
      code: error.code,
      status,
      message: error.message,
      asked: options.asked,
      hop: error.hop,
      said: error.said,
      hint: error.hint,
      attempts: error.attempts.map(({ candidate, error: failed }) => ({
        route: nameWay(candidate.hops),
        code: failed.code,
        message: failed.message,
      })),
      flow: options.flowId,
    },
  })}\n`
}

function nameWay(hops: readonly Parameters<typeof describeHop>[0][]): string {
  return hops.length === 0 ? 'direct' : hops.map((hop) => describeHop(hop)).join(' > ')
}
