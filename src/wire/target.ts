import { GatewayError } from '../contracts/gateway-error.ts'
import type { Scheme, Target } from '../contracts/target.ts'
import { parseHost } from './host.ts'
import { quoteInput } from './quote-input.ts'
import { nameCharacter, TextError, within } from './text-error.ts'

/** Characters of a request target that are read at all: longest name plus port, with room for U-labels. */
const MAX_AUTHORITY = 1100

export interface AuthorityOptions {
  /** Taken where the text has no port. Without it a port is required, as RFC 9110 §9.3.6 has it for CONNECT. */
  readonly defaultPort?: number
}

/** Reads `host:port`, the authority-form of CONNECT. Throws `GatewayError` BAD_REQUEST saying what is wrong, where, and what was expected. */
export function parseAuthority(text: string, options: AuthorityOptions = {}): Target {
  return orBadRequest(text, () => readAuthority(text, options.defaultPort, false))
}

/** A host and a port that arrived apart, as in SOCKS and in a captured flow. */
export function targetFromHost(host: string, port: number): Target {
  return orBadRequest(host, () => {
    if (!(Number.isInteger(port) && port >= 1 && port <= 65535)) {
      throw new TextError('the port is out of range', host.length, PORT)
    }
    const { host: canonical, family } = parseHost(host)
    return { host: canonical, family, port }
  })
}

export interface UrlTarget {
  readonly target: Target
  readonly scheme: Scheme
  /** Path and query, beginning with `/`. */
  readonly path: string
}

/** Reads the absolute-form of an `http` or `https` request (RFC 9112 §3.2.2). No user information (RFC 9110 §4.2.4), no fragment. */
export function targetFromUrl(text: string): UrlTarget {
  const shown = text.replace(/\?.*/s, '?…') // a query often holds tokens
  return orBadRequest(shown, () => {
    const prefix = /^(https?):\/\//i.exec(text)
    if (!prefix) throw new TextError('this is not an http or https URL', 0, 'http://host/path or https://host/path')
    const scheme = prefix[1]!.toLowerCase() as Scheme
    const start = prefix[0].length
    const length = text.slice(start).search(/[/?#]/)
    const end = length < 0 ? text.length : start + length
    const target = within(start, () => readAuthority(text.slice(start, end), DEFAULT_PORTS[scheme], true))
    const path = within(end, () => readPath(text.slice(end)))
    return { target, scheme, path }
  })
}

export const DEFAULT_PORTS: Readonly<Record<Scheme, number>> = { http: 80, https: 443 }

/** `host:port`, IPv6 in brackets. `parseAuthority` reads it back to the same target. */
export function formatAuthority(target: Pick<Target, 'host' | 'port'>): string {
  return `${formatHost(target.host)}:${target.port}`
}

/** The host as it stands in a URL or a Host field: IPv6 in brackets. */
export function formatHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}

const PORT = 'a port from 1 to 65535'

function readAuthority(text: string, defaultPort: number | undefined, emptyPortIsDefault: boolean): Target {
  if (text.length > MAX_AUTHORITY) throw new TextError('the target is too long', MAX_AUTHORITY, 'host:port')
  const at = text.indexOf('@')
  if (at >= 0) throw new TextError('a target has no user information', at, 'host:port without "user@"')
  const colon = portColon(text)
  const { host, family } = parseHost(colon < 0 ? text : text.slice(0, colon))
  const digits = colon < 0 ? '' : text.slice(colon + 1)
  if (digits === '' && defaultPort !== undefined && (colon < 0 || emptyPortIsDefault)) {
    return { host, family, port: defaultPort }
  }
  if (digits === '') throw new TextError('the port is missing', text.length, `":" and ${PORT}`)
  return { host, family, port: within(colon + 1, () => parsePort(digits)) }
}

/** Where the port's colon stands, or -1. An IPv6 address without brackets is refused: `::1:443` could be either. */
function portColon(text: string): number {
  const bracket = text.startsWith('[') ? text.indexOf(']') : -1
  if (bracket < 0 && text.startsWith('[')) {
    throw new TextError('the bracket is not closed', text.length, '"]" after the IPv6 address')
  }
  const colon = text.indexOf(':', bracket + 1)
  if (bracket > 0 && bracket + 1 < text.length && colon !== bracket + 1) {
    throw new TextError('something stands between "]" and the port', bracket + 1, '":" and a port')
  }
  if (bracket < 0 && colon >= 0 && text.includes(':', colon + 1)) {
    throw new TextError('there is more than one colon', colon, 'host:port, with an IPv6 address in brackets')
  }
  return colon
}

/** One to five digits, 1–65535. */
export function parsePort(text: string): number {
  const bad = /[^0-9]/u.exec(text)
  if (bad) throw new TextError(`${nameCharacter(bad[0])} cannot stand in a port`, bad.index, PORT)
  const port = text.length >= 1 && text.length <= 5 ? Number(text) : 0
  if (port < 1 || port > 65535) throw new TextError('the port is out of range', 0, PORT)
  return port
}

function readPath(text: string): string {
  const bad = /[\0-\x20\x7f#]/.exec(text)
  if (bad) throw new TextError(`${nameCharacter(bad[0])} cannot stand in a request target`, bad.index, 'path and query')
  return text.startsWith('/') ? text : `/${text}`
}

function orBadRequest<T>(text: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof TextError)) throw error
    const where = `at column ${error.offset + 1}`
    throw new GatewayError('BAD_REQUEST', `bad target ${quoteInput(text)}: ${error.message}, ${where}`, {
      hint: `Expected ${error.expected}.`,
    })
  }
}
