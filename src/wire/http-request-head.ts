import { GatewayError } from '../contracts/gateway-error.ts'
import type { Target } from '../contracts/target.ts'
import {
  connectionOptions,
  endToEndFields,
  fieldValues,
  listMembers,
  MAX_FIELDS,
  nominatedForRemoval,
  type RawFields,
  withoutField,
} from './http-fields.ts'
import { type Framing, requestFraming } from './http-framing.ts'
import { inspectVia, viaMember } from './http-via.ts'
import { quoteInput } from './quote-input.ts'
import { formatAuthority, formatHost, parseAuthority, targetFromUrl } from './target.ts'

/** A request head as the parser read it. */
export interface RequestHead {
  readonly method: string
  /** The request-target as it stood. */
  readonly url: string
  readonly httpMajor: number
  readonly httpMinor: number
  readonly fields: RawFields
}

/** The answer to a CONNECT whose tunnel stands: a head without a body (RFC 9110 §9.3.6). */
export const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

/** What a request asks of a proxy. */
export type ProxyRequest =
  | { readonly kind: 'connect'; readonly target: Target }
  | ForwardRequest
  /** For the gateway itself: `OPTIONS *`, or TRACE and OPTIONS whose Max-Forwards is used up (RFC 9110 §7.6.2). */
  | { readonly kind: 'own'; readonly method: 'OPTIONS' | 'TRACE' }

export interface ForwardRequest {
  readonly kind: 'forward'
  readonly target: Target
  /** Origin-form, or `*`. */
  readonly path: string
  readonly framing: Framing
  /** What to send on: checked, stripped, with one Host, Via, and the next connection's framing. */
  readonly fields: string[]
  /** The protocol of an Upgrade that Connection nominates. */
  readonly upgrade?: string
  /** `Expect: 100-continue`. */
  readonly expectsContinue: boolean
  /** The connection to the origin may become bound to this client: NTLM and Negotiate authenticate connections, not requests. */
  readonly bindsConnection: boolean
}

/**
 * Reads a request that a client sent to the proxy: request-target, Host, framing, Connection, Via, Expect. Throws `GatewayError`
 * BAD_REQUEST or LOOP_DETECTED. What two readers could understand differently is refused, never repaired.
 */
export function readProxyRequest(head: RequestHead, pseudonym: string): ProxyRequest {
  const { method, url, fields } = head
  if (head.httpMajor !== 1 || head.httpMinor > 1)
    throw bad(`HTTP/${head.httpMajor}.${head.httpMinor} is not spoken here`)
  if (fields.length / 2 > MAX_FIELDS) throw new BadRequestStatus(431, `the request has more than ${MAX_FIELDS} fields`)
  const framing = requestFraming(fields, head.httpMinor)
  if (typeof framing === 'string') throw bad(`the request ${framing}`, 'Send one framing, and send it once.')
  const options = connectionOptions(fields)
  const nominated = nominatedForRemoval(options)
  if (nominated) throw bad(`the Connection field names ${nominated}, which is not the connection's to remove`)
  checkVia(fields, pseudonym)
  if (method === 'CONNECT') return readConnect(head, framing)
  const host = onlyHost(head)
  if (url === '*') return readAsterisk(method)
  const { target, path } = readAbsoluteForm(head)
  checkHost(host, target, 80)
  if (method === 'TRACE' && framing.kind !== 'none') throw bad('a TRACE request has no body')
  const forwards = maxForwards(method, fields)
  if (forwards === 0) return { kind: 'own', method: method as 'OPTIONS' | 'TRACE' }
  const upgrade = options.includes('upgrade') ? fieldValues(fields, 'upgrade').join(', ') : ''
  return {
    kind: 'forward',
    target,
    path,
    framing,
    fields: outgoingFields(head, target, framing, { options, pseudonym, upgrade, forwards }),
    ...(upgrade === '' ? {} : { upgrade }),
    expectsContinue: readExpect(head),
    bindsConnection: /^\s*(?:ntlm|negotiate)\b/i.test(fieldValues(fields, 'authorization')[0] ?? ''),
  }
}

function bad(message: string, hint?: string): GatewayError {
  return new GatewayError('BAD_REQUEST', message, hint === undefined ? {} : { hint })
}

function checkVia(fields: RawFields, pseudonym: string): void {
  const finding = inspectVia(fields, pseudonym)
  if (finding === 'fine') return
  throw new GatewayError(
    'LOOP_DETECTED',
    finding === 'loop'
      ? 'the request has already been through this gateway'
      : 'the request has been through too many proxies',
    { hint: 'Some proxy on the way sends it back here; its Via field names them all.' },
  )
}

/** CONNECT has no body: framing on it would be bytes for one reader and tunnel for another (RFC 9110 §9.3.6, RFC 9112 §6.3). */
function readConnect(head: RequestHead, framing: Framing): ProxyRequest {
  if (framing.kind === 'chunked' || (framing.kind === 'length' && framing.length > 0)) {
    throw bad(
      'a CONNECT request has no body, but this one frames one',
      'Send what is meant for the target after the 200.',
    )
  }
  const target = parseAuthority(head.url)
  // Some clients leave the port out of Host here; it can then mean nothing else.
  checkHost(onlyHost(head), target, target.port)
  return { kind: 'connect', target }
}

/** Exactly one Host in HTTP/1.1, at most one in HTTP/1.0 (RFC 9112 §3.2). */
function onlyHost(head: RequestHead): string | undefined {
  const hosts = fieldValues(head.fields, 'host')
  if (hosts.length > 1) throw bad('the request has more than one Host field')
  if (hosts.length === 0 && head.httpMinor > 0) throw bad('the request has no Host field, which HTTP/1.1 requires')
  return hosts[0]
}

/** The request-target decides, but a Host that says otherwise was written to be read by somebody else. */
function checkHost(host: string | undefined, target: Target, defaultPort: number): void {
  if (host === undefined) return
  const said = parseAuthority(host, { defaultPort })
  if (said.host !== target.host || said.port !== target.port) {
    throw bad(
      `the Host field says ${formatAuthority(said)}, the request-target ${formatAuthority(target)}`,
      'Both must name the same host and port.',
    )
  }
}

function readAsterisk(method: string): ProxyRequest {
  if (method !== 'OPTIONS') throw bad('only OPTIONS can have the request-target "*"')
  return { kind: 'own', method: 'OPTIONS' }
}

function readAbsoluteForm(head: RequestHead): { target: Target; path: string } {
  const { url, method } = head
  if (url.startsWith('/')) throw new NotAProxyRequest()
  if (/^https:\/\//i.test(url)) {
    throw bad(
      'an https:// URL cannot be asked for in clear',
      'Use CONNECT, as every client does that is told of an HTTPS proxy: it keeps the encryption end to end.',
    )
  }
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]
  if (scheme !== undefined && /^[^/]*:\/\//.test(url) && scheme.toLowerCase() !== 'http') {
    throw bad(
      `${quoteInput(scheme)} URLs cannot be fetched`,
      'This proxy fetches http:// URLs and opens CONNECT tunnels.',
    )
  }
  const { target, path } = targetFromUrl(url)
  // The last proxy turns an OPTIONS with neither path nor query into `OPTIONS *` (RFC 9112 §3.2.4).
  return { target, path: method === 'OPTIONS' && /^http:\/\/[^/?]*$/i.test(url) ? '*' : path }
}

/** Origin-form, sent to us as if we were the origin. A class of its own, for the door answers it with a page that explains. */
export class NotAProxyRequest extends GatewayError {
  constructor() {
    super('BAD_REQUEST', 'this is a proxy, and the request was not written for one', {
      hint: 'Give this address to your program as its proxy instead of opening it.',
    })
  }
}

/** What Max-Forwards says, or `undefined` where it has no say (RFC 9110 §7.6.2). */
function maxForwards(method: string, fields: RawFields): number | undefined {
  if (method !== 'TRACE' && method !== 'OPTIONS') return undefined
  const values = fieldValues(fields, 'max-forwards')
  if (values.length === 0) return undefined
  if (values.length > 1 || !/^[0-9]{1,9}$/.test(values[0]!))
    throw bad('the Max-Forwards field is not one decimal number')
  return Number(values[0])
}

/** RFC 9110 §10.1.1 knows one expectation. HTTP/1.0 knows none. */
function readExpect(head: RequestHead): boolean {
  const expectations = listMembers(fieldValues(head.fields, 'expect'))
  if (head.httpMinor === 0 || expectations.length === 0) return false
  if (expectations.some((expectation) => expectation !== '100-continue')) {
    throw new BadRequestStatus(417, 'the Expect field asks for something other than 100-continue')
  }
  return true
}

/** A bad request for which HTTP has a finer status than 400. */
export class BadRequestStatus extends GatewayError {
  readonly status: 417 | 431

  constructor(status: 417 | 431, message: string) {
    super('BAD_REQUEST', message)
    this.status = status
  }
}

interface Rewriting {
  readonly options: readonly string[]
  readonly pseudonym: string
  readonly upgrade: string
  readonly forwards: number | undefined
}

/** Methods that need not say that they have no body. The others do, even when it is empty (RFC 9110 §8.6). */
const METHODS_WITHOUT_BODY: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

function outgoingFields(head: RequestHead, target: Target, framing: Framing, rewriting: Rewriting): string[] {
  const host = target.port === 80 ? formatHost(target.host) : formatAuthority(target)
  let fields = endToEndFields(head.fields, rewriting.options)
  if (head.httpMinor === 0) fields = withoutField(fields, 'expect')
  if (framing.kind !== 'chunked') fields = withoutField(fields, 'trailer')
  let hasHost = false
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!.toLowerCase()
    if (name === 'host') {
      fields[i + 1] = host
      hasHost = true
    } else if (name === 'max-forwards' && rewriting.forwards !== undefined) {
      fields[i + 1] = String(rewriting.forwards - 1)
    }
  }
  if (!hasHost) fields.unshift('Host', host)
  if (framing.kind === 'chunked') fields.push('Transfer-Encoding', 'chunked')
  if (framing.kind === 'none' && !METHODS_WITHOUT_BODY.has(head.method)) fields.push('Content-Length', '0')
  fields.push('Via', viaMember(rewriting.pseudonym, head.httpMinor))
  const own: string[] = []
  if (rewriting.upgrade !== '') {
    fields.push('Upgrade', rewriting.upgrade)
    own.push('Upgrade')
  } else if (listMembers(fieldValues(head.fields, 'te')).includes('trailers')) {
    fields.push('TE', 'trailers')
    own.push('TE')
  }
  if (own.length > 0)
    fields.push('Connection', rewriting.upgrade === '' ? `keep-alive, ${own.join(', ')}` : own.join(', '))
  return fields
}
