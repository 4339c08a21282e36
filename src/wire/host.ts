import { domainToASCII } from 'node:url'
import type { Target } from '../contracts/target.ts'
import { parseAddress } from './address.ts'
import { isDottedIpv4 } from './ipv4.ts'
import { nameCharacter, TextError } from './text-error.ts'

/** The host half of a `Target`, in its canonical form. */
export type Host = Pick<Target, 'host' | 'family'>

/** RFC 1035 §2.3.4, in octets, without the trailing dot. */
const MAX_NAME = 253
const MAX_LABEL = 63
/** Characters read at all. A name of 253 octets can be longer than that before UTS 46 mapping, but never by this much. */
const MAX_HOST_TEXT = 1024

/**
 * Reads a host name or address in any spelling: names with upper case, a trailing dot or U-labels, legacy IPv4 spellings, IPv6 with or
 * without brackets. Throws a `TextError` for everything else.
 */
export function parseHost(text: string): Host {
  if (PLAIN_NAME.test(text) && text.length <= MAX_NAME && !endsInNumber(text) && !text.includes('xn--')) {
    return { host: text, family: 0 }
  }
  if (isDottedIpv4(text)) return { host: text, family: 4 }
  if (text === '') throw new TextError('the host is missing', 0, 'a name or an address')
  if (text.length > MAX_HOST_TEXT) throw new TextError('the host is too long', MAX_HOST_TEXT, NAME_LENGTHS)
  if (text.startsWith('[')) return parseBracketed(text)
  if (text.includes(':')) return parseIpv6Host(text)
  return parseName(text)
}

const PLAIN_NAME = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/
const NAME_LENGTHS = `a name of at most ${MAX_NAME} characters in labels of at most ${MAX_LABEL}`

/** WHATWG URL "ends in a number": such a host is an IPv4 address or nothing, for resolvers read it as one. */
export function endsInNumber(name: string): boolean {
  return /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/i.test(name)
}

function parseBracketed(text: string): Host {
  if (!text.endsWith(']')) throw new TextError('the bracket is not closed', text.length, '"]" after the IPv6 address')
  try {
    return parseIpv6Host(text.slice(1, -1))
  } catch (error) {
    throw error instanceof TextError ? error.shifted(1) : error
  }
}

function parseIpv6Host(text: string): Host {
  const zone = text.indexOf('%')
  if (zone >= 0) throw new TextError('an IPv6 zone means nothing to another machine', zone, 'the address without it')
  const address = text.includes(':') ? parseAddress(text) : undefined
  if (!address) throw new TextError('this is not an IPv6 address', 0, 'an address such as [2001:db8::1]')
  return { host: address.address, family: address.family }
}

function parseName(text: string): Host {
  checkCharacters(text)
  const ascii = toAscii(text)
  const name = ascii.endsWith('.') ? ascii.slice(0, -1) : ascii
  const address = parseAddress(ascii) // which takes one trailing dot itself
  if (address) return { host: address.address, family: address.family }
  if (endsInNumber(name)) {
    throw new TextError('the last label is a number, but this is not an IPv4 address', 0, 'a name or an address')
  }
  if (name.length > MAX_NAME) throw new TextError('the name is too long', 0, NAME_LENGTHS)
  checkLabels(name, text)
  return { host: name, family: 0 }
}

/** ASCII that no host name has. Checked before IDNA, which would take `%2e` for a dot and cut the text at `/`. */
const NOT_IN_NAMES = /[\0-,/:-@[-^`{-\x7f]/
const NAME_CHARACTERS = 'letters, digits, hyphens, underscores and dots'

function checkCharacters(text: string): void {
  const bad = NOT_IN_NAMES.exec(text)
  if (bad) throw new TextError(`${nameCharacter(bad[0])} cannot stand in a host name`, bad.index, NAME_CHARACTERS)
}

/** One label of a pattern, as an A-label where it is a U-label. Not a host: `10` stays `10`. */
export function labelToAscii(label: string): string {
  checkCharacters(label)
  if (/^[0-9]+$/.test(label)) return label
  const ascii = toAscii(label)
  if (ascii.includes('.')) throw new TextError('this is not one label', 0, 'a label without a dot')
  checkLabels(ascii, label)
  return ascii
}

/** UTS 46, non-transitional, as browsers do. Plain ASCII passes through; A-labels are checked too. */
function toAscii(text: string): string {
  const lower = text.toLowerCase()
  if (/^[\0-\x7f]*$/.test(text) && !lower.includes('xn--')) return lower
  const ascii = domainToASCII(text)
  if (ascii === '' || NOT_IN_NAMES.test(ascii)) {
    throw new TextError('this is not a valid internationalised name', 0, 'a name that IDNA (UTS 46) allows')
  }
  return ascii
}

/** `text` is what the name was made of; IDNA moves things about, and then only its beginning can be pointed at. */
function checkLabels(name: string, text: string): void {
  const isUnmoved = text.length - name.length <= 1 && text.toLowerCase().startsWith(name)
  let offset = 0
  for (const label of name.split('.')) {
    const place = isUnmoved ? offset : 0
    if (label === '') throw new TextError('a label is empty', place, 'one dot between labels')
    if (label.length > MAX_LABEL) throw new TextError('a label is too long', place, NAME_LENGTHS)
    offset += label.length + 1
  }
}
