import type { Scheme } from '../contracts/target.ts'
import { endsInNumber, labelToAscii, parseHost } from './host.ts'
import { blockOfAddress, type IpBlock, parseIpBlock } from './ip-block.ts'
import { parseIpv6 } from './ipv6.ts'
import { parsePort } from './target.ts'
import { nameCharacter, TextError, within } from './text-error.ts'

/** What one entry of an exclude list stands for. */
export interface ExcludeRule {
  readonly pattern: ExcludePattern
  /** Absent: both schemes. */
  readonly scheme?: Scheme
  /** Absent: every port. */
  readonly port?: number
}

export type ExcludePattern =
  | { readonly kind: 'any' }
  /** `<local>`: names without a dot. */
  | { readonly kind: 'dotless' }
  | { readonly kind: 'name'; readonly name: string; readonly self: boolean }
  | { readonly kind: 'glob'; readonly glob: string }
  | { readonly kind: 'block'; readonly block: IpBlock }

/** Characters. Longer than any name with scheme and port; bounds the work on one entry. */
const MAX_ENTRY = 1100

/** Reads one entry: `[scheme://]pattern[:port]`. Throws a `TextError`. */
export function parseExcludeEntry(text: string): ExcludeRule {
  if (text.length > MAX_ENTRY)
    throw new TextError('the entry is too long', MAX_ENTRY, `at most ${MAX_ENTRY} characters`)
  const scheme = /^([^/:[\]]*):\/\//.exec(text)?.[1]
  if (scheme === undefined) return readBody(text)
  const known = scheme.toLowerCase()
  if (known !== 'http' && known !== 'https') {
    throw new TextError('an entry can be limited to http and https only', 0, 'http:// or https:// or no scheme')
  }
  const start = scheme.length + '://'.length
  return { scheme: known, ...within(start, () => readBody(text.slice(start))) }
}

function readBody(text: string): ExcludeRule {
  const { body, portText, portOffset } = splitPort(text)
  const pattern = readPattern(body)
  return portText === undefined ? { pattern } : { pattern, port: within(portOffset, () => parsePort(portText)) }
}

interface Split {
  readonly body: string
  readonly portText?: string
  readonly portOffset: number
}

/** Tells the port's colon from those of an IPv6 address: after a bracket or a prefix length it is the port's, else only if it is the only one. */
function splitPort(text: string): Split {
  if (!text.startsWith('[') && !text.includes('/') && text.indexOf(':') !== text.lastIndexOf(':')) {
    if (parseIpv6(text)) return { body: text, portOffset: 0 }
    throw new TextError(
      'this is not an IPv6 address',
      0,
      'an IPv6 address, in brackets where a port follows: [2001:db8::1]:443',
    )
  }
  const from = Math.max(text.startsWith('[') ? text.indexOf(']') : -1, text.lastIndexOf('/'), 0)
  const colon = text.indexOf(':', from)
  if (colon < 0) return { body: text, portOffset: 0 }
  return { body: text.slice(0, colon), portText: text.slice(colon + 1), portOffset: colon + 1 }
}

function readPattern(body: string): ExcludePattern {
  if (body === '')
    throw new TextError('nothing stands before the port', 0, 'a name, an address, a block or "*" before ":port"')
  if (/^\*+$/.test(body)) return { kind: 'any' }
  if (body.startsWith('<')) return readToken(body)
  if (body.includes('/')) return { kind: 'block', block: readBlock(body) }
  if (body.startsWith('.')) return readBelow(body, 1)
  if (body.startsWith('*.') && !body.includes('*', 1) && !endsInNumber(body)) return readBelow(body, 2)
  if (body.includes('*')) return { kind: 'glob', glob: readGlob(body) }
  return readHost(body)
}

function readToken(body: string): ExcludePattern {
  if (body.toLowerCase() === '<local>') return { kind: 'dotless' }
  throw new TextError('this token is not known', 0, '"<local>", the only token there is')
}

/** `10.0.0.0/8`, `2001:db8::/32`, `[2001:db8::]/32`, `[2001:db8::/32]`. */
function readBlock(body: string): IpBlock {
  const slash = body.indexOf('/')
  const inner = /^\[([^[\]/]*)(?:\]\/([^[\]/]*)|\/([^[\]/]*)\])$/.exec(body)
  if (inner) return within(1, () => parseIpBlock(requireIpv6(inner[1]!), (inner[2] ?? inner[3])!))
  if (!/^[0-9a-fx:.]+$/i.test(body.slice(0, slash))) {
    throw new TextError('a name is followed by a path', slash, 'a name without a path, or a block such as 10.0.0.0/8')
  }
  return parseIpBlock(body.slice(0, slash), body.slice(slash + 1))
}

function requireIpv6(text: string): string {
  if (text.includes(':')) return text
  throw new TextError('only IPv6 addresses stand in brackets', 0, 'the IPv4 address without brackets')
}

/** `.example.com` and `*.example.com`: what is below the name, not the name itself. */
function readBelow(body: string, start: number): ExcludePattern {
  const { host, family } = within(start, () => parseHost(body.slice(start)))
  if (family !== 0) throw new TextError('nothing is below an address', start, 'a name, or a block such as 10.0.0.0/8')
  return { kind: 'name', name: host, self: false }
}

function readHost(body: string): ExcludePattern {
  if (isAmbiguous(body)) {
    const expected = 'four decimal numbers, or a block such as 10.0.0.0/8'
    throw new TextError('this address can be read in two ways', 0, expected)
  }
  const { host, family } = parseHost(body)
  if (family === 0) return { kind: 'name', name: host, self: true }
  return { kind: 'block', block: blockOfAddress({ address: host, family }) }
}

/**
 * `10.1` is the address 10.0.0.1 to a URL parser and means 10.1.0.0/16 to whoever writes it in a list, and `010.0.0.1` is octal to the one and
 * 10.0.0.1 to the other; the wrong guess would silently let through what was to be denied. Shortened loopback addresses (`127.1`) mean this
 * host either way.
 */
function isAmbiguous(body: string): boolean {
  const isShortened = /^[0-9]{1,8}(?:\.[0-9]+){0,2}\.?$/.test(body) && !body.startsWith('127.')
  return isShortened || /^(?:[0-9]+\.)*0[0-9]+(?:\.[0-9]+)*\.?$/.test(body)
}

/** Labels without `*` may be U-labels; a label with one cannot, for no A-label corresponds to half a label. */
function readGlob(body: string): string {
  let offset = 0
  const labels: string[] = []
  for (const label of body.replace(/[.。．｡]$/, '').split(/[.。．｡]/)) {
    labels.push(readGlobLabel(label, offset))
    offset += label.length + 1
  }
  return labels.join('.')
}

function readGlobLabel(label: string, offset: number): string {
  if (label === '') throw new TextError('a label is empty', offset, 'one dot between labels')
  if (!label.includes('*')) return within(offset, () => labelToAscii(label))
  const bad = /[^a-z0-9_*-]/iu.exec(label)
  if (bad) {
    const message = `${nameCharacter(bad[0])} cannot stand in a label with "*"`
    throw new TextError(message, offset + bad.index, 'letters a-z, digits, hyphens, underscores and "*"')
  }
  return label.toLowerCase()
}
