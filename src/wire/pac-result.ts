import type { Candidate, HopKind } from '../contracts/route.ts'
import type { Target } from '../contracts/target.ts'
import { trimBlanks } from './trim-blanks.ts'

/** An entry of a PAC answer that is no way out, and why, for the log. Credentials in it are masked. */
export interface SkippedEntry {
  readonly entry: string
  readonly reason: string
}

export interface PacResult {
  readonly candidates: readonly Candidate[]
  readonly skipped: readonly SkippedEntry[]
}

/** Ways out taken from one answer. Real answers have two or three; each one can cost a connect timeout. */
const MAX_CANDIDATES = 100
/** Entries looked at: an answer of 64 KiB can hold thousands, and each costs microseconds of everybody's time. */
const MAX_ENTRIES = 1000
/** Bad entries reported from one answer, and characters shown of each: they go to the log. */
const MAX_SKIPPED = 20
const MAX_SHOWN = 120

/** `SOCKS` without a version is version 4, as in Chromium and Firefox: the notation is older than SOCKS5. */
const TYPES: Record<string, { readonly kind: HopKind; readonly port: number } | undefined> = {
  proxy: { kind: 'http', port: 80 },
  http: { kind: 'http', port: 80 },
  https: { kind: 'https', port: 443 },
  socks: { kind: 'socks4', port: 1080 },
  socks4: { kind: 'socks4', port: 1080 },
  socks5: { kind: 'socks5', port: 1080 },
}

/**
 * Reads what `FindProxyForURL` answered, as Chromium's `ProxyList::SetFromPacString` does: entries between semicolons, in order, types in any
 * case, blanks and tabs around them ignored, an entry that makes no sense skipped. No candidate at all is a failed PAC script: Chromium goes
 * direct then, the gateway does as `onPacFailure` says.
 */
export function parsePacResult(text: string): PacResult {
  const candidates: Candidate[] = []
  const skipped: SkippedEntry[] = []
  const skip = (entry: string, reason: string) => {
    if (skipped.length < MAX_SKIPPED) skipped.push({ entry: shown(entry), reason })
  }
  // Chromium refuses the whole answer; an entry with a name that only looks right is not worth a guess.
  if (/[^\0-\x7f]/.test(text)) {
    skip(text, 'the answer has characters outside ASCII: write the host name as its A-label (xn--…)')
    return { candidates, skipped }
  }
  for (const part of text.split(';', MAX_ENTRIES)) {
    const entry = trimBlanks(part) // and nothing more: Chromium keeps a line break as part of the entry, which spoils it
    if (entry === '') continue
    const parsed = parseEntry(entry)
    if (typeof parsed === 'string') skip(entry, parsed)
    else if (candidates.length < MAX_CANDIDATES) candidates.push(parsed)
    else skip(entry, `only the first ${MAX_CANDIDATES} entries are used`)
  }
  return { candidates, skipped }
}

/** A candidate, or the reason why it is none. */
function parseEntry(entry: string): Candidate | string {
  const blank = entry.search(/[ \t]/)
  const type = (blank < 0 ? entry : entry.slice(0, blank)).toLowerCase()
  const hostAndPort = blank < 0 ? '' : trimBlanks(entry.slice(blank))
  if (type === 'direct') return hostAndPort === '' ? { hops: [] } : 'DIRECT takes no host'
  if (type === 'quic') return 'QUIC proxies are not supported'
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (!known) return 'unknown type: expected DIRECT, PROXY, HTTP, HTTPS, SOCKS, SOCKS4 or SOCKS5, then a blank'
  const target = parseAuthority(hostAndPort, known.port)
  return typeof target === 'string' ? target : { hops: [{ kind: known.kind, ...target }] }
}

/**
 * `host`, `host:port`, `[v6]`, `[v6]:port`, `v6:port`; nothing else, so that a URL or credentials are not half understood. As Chromium cuts it: at the last colon that no bracket
 * stands behind (`url::ParseAuthority`), so an address without brackets has its port always; white space around the host is ignored, line breaks too, and an address gets the
 * brackets it lacks (`ProxyServer::FromSchemeHostAndPort`).
 */
function parseAuthority(text: string, defaultPort: number): Target | string {
  if (text === '') return 'no host after the type'
  if (text.includes('@')) return 'credentials are not allowed in a PAC answer'
  const lastColon = text.lastIndexOf(':')
  // `[::1`, without its other bracket, has none.
  const bracket = text.startsWith('[') && !text.includes(']') ? text.length : text.lastIndexOf(']')
  const colon = lastColon > bracket ? lastColon : text.length
  // Nothing but ASCII comes here, so this is what Chromium takes for white space: \t, \n, \v, \f, \r and the blank.
  const host = text.slice(0, colon).trim()
  const port = colon === text.length ? defaultPort : parsePort(text.slice(colon + 1))
  if (port === undefined) return 'the port is not a number from 0 to 65535'
  const bare = host.includes(':') && !host.startsWith('[')
  const place = canonicalHost(bare ? `[${host}]` : host)
  if (place) return { ...place, port }
  return bare
    ? 'expected host:port (an IPv6 address in brackets), without scheme or path'
    : 'the host is neither a name nor an address'
}

/** 0 is a port to browsers, at which nobody is: `PROXY 0.0.0.0:0` is how block lists say "nowhere". */
function parsePort(text: string): number | undefined {
  if (!/^0*[0-9]{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65535 ? port : undefined
}

/** By the URL standard's host parser, which is what browsers use here: 0x7f.1 is 127.0.0.1, names become lower case. */
function canonicalHost(text: string): Pick<Target, 'host' | 'family'> | undefined {
  if (/[/?#\\]/.test(text) || /[\0-\x20]/.test(text)) return undefined
  const url = `http://${text}/`
  if (!URL.canParse(url)) return undefined
  const host = new URL(url).hostname.replace(/\.$/, '')
  if (host === '') return undefined
  if (host.startsWith('[')) return canonicalIPv6(host.slice(1, -1))
  return { host, family: /^[0-9]+(\.[0-9]+){3}$/.test(host) ? 4 : 0 }
}

function canonicalIPv6(text: string): Pick<Target, 'host' | 'family'> {
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text)
  if (!mapped) return { host: text, family: 6 }
  const bits = mapped.slice(1).map((group) => Number.parseInt(group, 16))
  return { host: bits.flatMap((group) => [group >> 8, group & 0xff]).join('.'), family: 4 }
}

function shown(entry: string): string {
  const masked = entry.replace(/[^ \t]+/g, maskWord).replace(/[\0-\x1f\x7f]/g, '\ufffd')
  return masked.length > MAX_SHOWN ? `${masked.slice(0, MAX_SHOWN)}…` : masked
}

/** Everything up to the last `@` may be a password. */
function maskWord(word: string): string {
  const at = word.lastIndexOf('@')
  return at < 0 ? word : `***${word.slice(at)}`
}
