import { HOP_KINDS, type Hop, type HopKind } from '../contracts/route.ts'
import { type Credentials, Secret } from '../contracts/secret.ts'
import { parseHost } from './host.ts'
import { formatAuthority, parsePort } from './target.ts'
import { nameCharacter, TextError, within } from './text-error.ts'

/** A proxy URL that cannot be read. Its message never repeats the URL, in which a password may stand. */
export class UpstreamUrlError extends Error {
  override readonly name = 'UpstreamUrlError'
  /** Zero-based, in UTF-16 units, from the start of the URL. */
  readonly offset: number
  readonly expected: string

  constructor({ message, offset, expected }: TextError) {
    super(message)
    this.offset = offset
    this.expected = expected
  }
}

/**
 * Reads the URL of an upstream proxy, `scheme://[user[:password]@]host[:port][/][?dns=local]`, with percent-decoded user information.
 * Throws `UpstreamUrlError`.
 */
export function parseUpstreamUrl(text: string): Hop {
  try {
    return read(text)
  } catch (error) {
    throw error instanceof TextError ? new UpstreamUrlError(error) : error
  }
}

/** `socks5://proxy.example:1080`: what may be shown of a hop. */
export function describeHop(hop: Pick<Hop, 'kind' | 'host' | 'port'>): string {
  return `${hop.kind}://${formatAuthority(hop)}`
}

export const DEFAULT_PROXY_PORTS: Readonly<Record<HopKind, number>> = {
  http: 80,
  https: 443,
  socks4: 1080,
  socks4a: 1080,
  socks5: 1080,
  socks5h: 1080,
}

/** Characters. Room for two percent-encoded credentials at their limit, a name, and the rest. */
const MAX_URL = 8192
/** Octets of a SOCKS user name or password: RFC 1929 §2 counts them in one byte. */
const MAX_SOCKS_CREDENTIAL = 255
/** Octets of a Basic user name or password; proxies refuse longer header fields. */
const MAX_BASIC_CREDENTIAL = 1024

const SCHEMES = `one of ${HOP_KINDS.map((kind) => `${kind}://`).join(', ')}`

function read(text: string): Hop {
  if (text.length > MAX_URL) throw new TextError('the URL is too long', MAX_URL, `at most ${MAX_URL} characters`)
  const kind = readScheme(text)
  const start = kind.length + '://'.length
  const end = endOfAuthority(text, start)
  const at = text.lastIndexOf('@', end - 1)
  const hostStart = at < start ? start : at + 1
  const endpoint = within(hostStart, () => readEndpoint(text.slice(hostStart, end), DEFAULT_PROXY_PORTS[kind]))
  const credentials = at < start ? undefined : within(start, () => readCredentials(text.slice(start, at), kind))
  const resolveLocally = within(end, () => readSuffix(text.slice(end), kind))
  return { kind, ...endpoint, ...(credentials && { credentials }), ...(resolveLocally && { resolveLocally }) }
}

function readScheme(text: string): HopKind {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw new TextError('the URL does not begin with a scheme', 0, SCHEMES)
  const kind = HOP_KINDS.find((known) => known === scheme)
  if (!kind) throw new TextError('this is not a scheme of a proxy', 0, SCHEMES)
  return kind
}

/** The authority ends at the first of `/ ? #`. An `@` after that betrays a password with one of them in it. */
function endOfAuthority(text: string, start: number): number {
  const length = text.slice(start).search(/[/?#\\]/)
  if (length < 0) return text.length
  const end = start + length
  if (!text.includes('@', end)) return end
  const encoded = encodeURIComponent(text[end]!)
  const message = `${nameCharacter(text[end]!)} stands before the "@"`
  throw new TextError(message, end, `${encoded} for this character in a user name or password`)
}

function readEndpoint(text: string, defaultPort: number): Pick<Hop, 'host' | 'family' | 'port'> {
  const colon = text.startsWith('[') ? text.indexOf(':', text.indexOf(']') + 1) : text.indexOf(':')
  if (!text.startsWith('[') && text.includes(':', colon + 1) && colon >= 0) {
    throw new TextError('there is more than one colon', colon, 'host:port, with an IPv6 address in brackets')
  }
  const { host, family } = parseHost(colon < 0 ? text : text.slice(0, colon))
  const digits = colon < 0 ? '' : text.slice(colon + 1)
  if (digits === '') return { host, family, port: defaultPort }
  // Said without the character: where the "@host" was forgotten, this is the password.
  if (/[^0-9]/.test(digits)) throw new TextError('the port is not a number', colon + 1, 'a port from 1 to 65535')
  return { host, family, port: within(colon + 1, () => parsePort(digits)) }
}

function readCredentials(text: string, kind: HopKind): Credentials | undefined {
  if (text === '' || text === ':') return undefined
  const colon = text.indexOf(':')
  const username = decode(colon < 0 ? text : text.slice(0, colon), 'user name')
  const password = colon < 0 ? '' : within(colon + 1, () => decode(text.slice(colon + 1), 'password'))
  if (kind === 'socks4' || kind === 'socks4a') {
    if (password !== '') throw new TextError('SOCKS4 knows no password', colon, 'a user name alone, or socks5://')
  } else if (kind === 'http' || kind === 'https') {
    // RFC 7617 §2: the first colon ends the user-id, so it cannot have one.
    if (username.includes(':'))
      throw new TextError('a colon in the user name', 0, 'a user name without a colon (RFC 7617)')
  } else if (username === '') {
    throw new TextError('the user name is empty', 0, 'a user name of 1 to 255 octets (RFC 1929)')
  }
  checkLength(username, 0, kind)
  checkLength(password, colon + 1, kind)
  return { username, password: new Secret(password) }
}

function decode(text: string, what: string): string {
  const broken = /%(?![0-9a-f]{2})/i.exec(text)
  if (broken) throw new TextError(`a "%" without two hex digits in the ${what}`, broken.index, '%25 for a percent sign')
  const space = /[\s\0-\x1f\x7f]/u.exec(text)
  if (space) throw new TextError(`${nameCharacter(space[0])} in the ${what}`, space.index, 'it percent-encoded')
  let decoded: string
  try {
    decoded = decodeURIComponent(text)
  } catch {
    throw new TextError(`the ${what} is not UTF-8 once percent-decoded`, 0, 'UTF-8, percent-encoded')
  }
  // They would end the field in SOCKS4 and split the header in HTTP; RFC 7617 §2 forbids them too.
  if (/[\0-\x1f\x7f]/.test(decoded)) throw new TextError(`a control character in the ${what}`, 0, 'text without any')
  return decoded
}

function checkLength(credential: string, offset: number, kind: HopKind): void {
  const limit = kind === 'http' || kind === 'https' ? MAX_BASIC_CREDENTIAL : MAX_SOCKS_CREDENTIAL
  if (Buffer.byteLength(credential) > limit) {
    throw new TextError('the user name or password is too long', offset, `at most ${limit} octets for ${kind}`)
  }
}

/** What follows the authority. True for `?dns=local`. */
function readSuffix(text: string, kind: HopKind): boolean {
  const query = /^\/?(?:\?(.*))?$/s.exec(text)
  if (!query) throw new TextError('the URL of a proxy has no path or fragment', 0, 'nothing, "/", or "?dns=local"')
  switch (query[1]) {
    case undefined:
    case '':
      return false
    case 'dns=local':
      return true
    case 'dns=remote':
      if (kind === 'socks4') throw new TextError('SOCKS4 carries addresses only', 0, 'socks4a:// for names')
      return false
    default:
      throw new TextError('this query means nothing here', text.indexOf('?'), '"?dns=local" or "?dns=remote"')
  }
}
